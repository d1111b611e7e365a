// view_tree.js: a decision, asked from the top. Each question is a button that says how many fell; lit branches are
// marked and said, the others stay readable beside them.

function treeView({ node, spec, ask }) {
  const list = h("ol", { class: "tree" });
  const start = h("p", { class: "tree-start" });
  node.append(start, list);

  const branch = ({ label, lit, leaf }) =>
    h("li", { class: lit ? "branch lit" : "branch" },
      h("span", { class: "mark", "aria-hidden": "true" }, lit ? "●" : "○"),
      h("span", {}, label, lit ? h("span", { class: "unseen" }, " (taken)") : ""),
      leaf ? h("span", { class: "leaf" }, `→ ${leaf}`) : "");

  function question(one, total, selected) {
    const share = `${round((100 * one.left) / Math.max(total, 1), 2)}%`;
    const left = h("span", { class: "left", "aria-hidden": "true" });
    left.style.width = share;
    const head = [
      h("span", { class: "asked" }, one.ask),
      h("span", { class: "counts" }, `${one.left.toLocaleString("en-US")} left`, one.fell ? `, ${one.fell.toLocaleString("en-US")} fell` : ""),
      h("span", { class: "remaining", "aria-hidden": "true" }, left),
    ];
    const chosen = one.key === selected;
    return h("li", { class: chosen ? "question chosen" : "question" },
      spec.selectable
        ? h("button", { type: "button", class: "question-head", "data-key": `question ${one.key}`, "aria-pressed": String(chosen),
            onclick: () => ask({ kind: "select", row: one.key }) }, head)
        : h("div", { class: "question-head" }, head),
      h("ul", { class: "branches" }, one.branches.map(branch)),
      one.note ? h("p", { class: "question-note" }, one.note) : "");
  }

  return {
    draw({ questions, total, noun = "endpoints", selected, empty = "Nothing to show." }) {
      start.textContent = questions.length ? `${total.toLocaleString("en-US")} ${noun} to begin with` : empty;
      replaceKeepingFocus(list, ...questions.map((one) => question(one, total, selected)));
    },
  };
}
