// view_bars.js: horizontal stacked bars in HTML and CSS: they paint in a frame, follow the theme and wrap in a pane.
// Colour never says anything alone: parts are labelled inside where they fit, in the legend, in tooltips and in words.

function barsView({ node, spec, ask }) {
  const legend = h("ul", { class: "legend" });
  const list = h("ul", { class: "bars" });
  const foot = h("div", { class: "foot" });
  node.append(legend, list, foot);

  function track(bar, series, top) {
    const percent = (value) => `${round((100 * value) / top, 3)}%`;
    const parts = bar.segments?.filter((part) => part.value > 0).map((part) => {
      const place = series.findIndex((one) => one.key === part.series);
      const name = series[place].label;
      const box = h("span", { class: `part s${place % PALETTE.length}`, title: part.title ?? `${name}: ${part.text}` },
        h("span", { class: "inside" }, part.text), h("span", { class: "inside" }, name));
      box.style.width = percent(part.value);
      return box;
    });
    const whisker = h("span", { class: "whisker" });
    const low = bar.low ?? bar.high;
    if (low !== undefined) {
      whisker.style.left = percent(low);
      whisker.style.width = percent(Math.max((bar.high ?? low) - low, 0));
    }
    return h("span", { class: "track", "aria-hidden": "true" }, parts, low === undefined ? "" : whisker);
  }

  function row(bar, series, top, selected) {
    const said = (bar.segments ?? []).map((part) => `${series.find((s) => s.key === part.series).label} ${part.text}`);
    const content = [
      h("span", { class: "name" }, bar.label, (bar.badges ?? []).map(badge)),
      bar.unpriced ? h("span", { class: "unpriced" }, bar.unpriced) : track(bar, series, top),
      h("span", { class: "total" }, bar.unpriced ? "" : bar.total),
      said.length ? h("span", { class: "unseen" }, `: ${said.join(", ")}`) : "",
    ];
    const kind = `bar ${bar.muted ? "muted" : ""} ${bar.key === selected ? "chosen" : ""}`.trim();
    if (!spec.selectable) return h("li", {}, h("div", { class: kind, title: bar.title }, content));
    return h("li", {}, h("button", {
      type: "button", class: kind, title: bar.title, "data-key": `bar ${bar.key}`, "aria-pressed": String(bar.key === selected),
      onclick: () => ask({ kind: "select", row: bar.key }),
    }, content));
  }

  return {
    draw({ bars, series = [], selected, caption, empty = "Nothing to show.", total_rows: total }) {
      const length = (bar) => (bar.segments ?? []).reduce((sum, part) => sum + part.value, 0);
      const top = Math.max(...bars.map((bar) => Math.max(length(bar), bar.high ?? 0)), 0) || 1;
      legend.replaceChildren(
        ...series.map(({ label }, i) => h("li", {}, h("span", { class: `swatch s${i % PALETTE.length}` }), label)),
        ...(bars.some((bar) => bar.low !== undefined || bar.high !== undefined)
          ? [h("li", {}, h("span", { class: "swatch range" }), "range")] : []),
        caption ? h("li", { class: "caption" }, caption) : "");
      if (bars.length) replaceKeepingFocus(list, ...bars.map((bar) => row(bar, series, top, selected)));
      else list.replaceChildren(h("li", { class: "empty" }, empty));
      legend.hidden = !bars.length;
      replaceKeepingFocus(foot, moreButton(bars.length, total, ask));
    },
  };
}
