// view_tree.js: a decision, asked from the top. Each question is a button that says how many fell; lit branches are
// marked and said, the others stay readable beside them.

function treeView({ node, spec, ask }) {
  const list = h("ol", { class: "tree" });
  const start = h("p", { class: "caption" });
  node.append(start, list);
  const count = (number) => number.toLocaleString("en-US");

  const branch = ({ label, lit, leaf }) =>
    h("li", { class: lit ? "branch lit" : "branch" },
      h("span", { class: "mark", "aria-hidden": "true" }, lit ? "●" : "○"),
      h("span", {}, label, lit ? h("span", { class: "unseen" }, " (taken)") : ""),
      leaf ? h("span", { class: "leaf" }, `→ ${leaf}`) : "");

  function question(one, total, selected) {
    const rest = h("span", { class: "rest" });
    rest.style.width = `${round((100 * one.left) / Math.max(total, 1), 2)}%`;
    const head = [
      h("span", { class: "asked" }, one.ask),
      h("span", { class: "counts" }, one.step ? `${one.step}: ` : "", `${count(one.left)} left`, one.fell ? `, ${count(one.fell)} fell` : ""),
      h("span", { class: "remaining", "aria-hidden": "true" }, rest),
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
      start.textContent = questions.length ? `${count(total)} ${noun} to begin with.` : empty;
      replaceKeepingFocus(list, ...questions.map((one) => question(one, total, selected)));
    },
  };
}
