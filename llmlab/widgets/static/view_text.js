// view_text.js: prose as data: paragraphs, notes, definitions and lists.

const TEXT_BLOCKS = {
  paragraph: ({ text, heading }) => [heading ? h("p", { class: "heading" }, heading) : "", h("p", {}, text)],
  note: ({ text, tone = "warn" }) => h("p", { class: `note ${tone}` }, text),
  definitions: ({ items }) =>
    h("dl", {}, items.map(([term, value]) => [h("dt", {}, term), h("dd", {}, cellContent(value))])),
  bullets: ({ items, ordered }) => h(ordered ? "ol" : "ul", {}, items.map((item) => h("li", {}, cellContent(item)))),
};

function textView({ node }) {
  const prose = h("div", { class: "prose" });
  node.append(prose);
  return {
    draw({ blocks, empty = "Nothing to show." }) {
      const drawn = blocks.map((one) => (typeof one === "string" ? h("p", {}, one) : TEXT_BLOCKS[one.type](one)));
      prose.replaceChildren(...drawn.flat().filter(Boolean));
      if (!blocks.length) prose.append(h("p", { class: "empty" }, empty));
    },
  };
}
