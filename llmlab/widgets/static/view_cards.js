// view_cards.js: headline numbers.

function cardsView({ node }) {
  const list = h("ul", { class: "cards" });
  node.append(list);
  const card = ({ label, value, note, title, tone }) =>
    h("li", { class: `card ${tone ?? ""}`, title },
      h("span", { class: "card-label" }, label),
      h("span", { class: "card-value" }, value),
      note ? h("span", { class: "card-note" }, note) : "");
  return {
    draw({ cards, empty = "Nothing to show." }) {
      list.replaceChildren(...(cards.length ? cards.map(card) : [h("li", { class: "empty" }, empty)]));
    },
  };
}
