// view_table.js: rows as the kernel ordered them. Headers ask it to sort; a row, or its header button, is chosen.

function tableView({ node, spec, ask }) {
  const select = (row) => ask({ kind: "select", row });

  function header(column, [sortKey, descending]) {
    const sorted = column.key === sortKey;
    const label = [column.label, column.unit ? h("span", { class: "unit" }, column.unit) : ""];
    const sort = sorted ? (descending ? "descending" : "ascending") : undefined;
    const button = () => h("button", { type: "button", "data-key": `sort ${column.key}`, title: column.help,
      onclick: () => ask({ kind: "sort", key: column.key }) }, label, h("span", { class: "arrow", "aria-hidden": "true" }));
    const plain = () => h("span", { title: column.help }, label);
    return h("th", { scope: "col", class: column.numeric ? "num" : "", "aria-sort": sort },
      (column.sortable ?? true) ? button() : plain());
  }

  function line(row, columns, selected) {
    const chosen = row.key === selected;
    const cells = row.cells.map((cell, i) => {
      const content = cellContent(cell);
      const kind = `${columns[i].numeric ? "num" : ""} ${cell.muted ? "muted" : ""}`.trim();
      if (i > 0) return h("td", { class: kind }, content);
      const button = h("button", { type: "button", "data-key": `row ${row.key}`, "aria-pressed": String(chosen) }, content);
      return h("th", { scope: "row", class: kind }, spec.selectable ? button : content);
    });
    const props = { class: `${row.muted ? "muted" : ""} ${chosen ? "chosen" : ""}`.trim(), title: row.title };
    // one handler for the pointer and, through the header's button, for the keyboard; a link inside stays a link
    const onclick = spec.selectable ? (event) => !event.target.closest("a") && select(row.key) : undefined;
    return h("tr", { ...props, onclick }, cells);
  }

  const wrap = h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": spec.title });
  const note = h("p", { class: "caption", id: newId() }); // not a <caption>: that is as wide as the table and scrolls with it
  const foot = h("div", { class: "foot" });
  node.append(note, wrap, foot);

  return {
    draw({ columns, rows, sort = ["", false], selected, caption, empty = "Nothing to show.", total_rows: total }) {
      note.textContent = caption ?? "";
      if (!rows.length) {
        wrap.replaceChildren(h("p", { class: "empty" }, empty));
        foot.replaceChildren();
        return;
      }
      const table = h("table", { class: spec.selectable ? "selectable" : "", "aria-describedby": caption && note.id },
        h("thead", {}, h("tr", {}, columns.map((column) => header(column, sort)))),
        h("tbody", {}, rows.map((row) => line(row, columns, selected))));
      replaceKeepingFocus(wrap, table);
      replaceKeepingFocus(foot, moreButton(rows.length, total, ask));
    },
  };
}
