// theme.js: JupyterLab's colours for what CSS cannot reach (Plotly), and word of it when they change.

/** Text, grid and background colours as they compute where `node` is. */
function themeOf(node) {
  const style = getComputedStyle(node);
  const variable = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: style.color,
    quiet: variable("--jp-ui-font-color2", style.color),
    grid: variable("--jp-border-color2", "#bdbdbd"),
    paper: variable("--jp-layout-color0", "Canvas"),
    font: style.fontFamily,
  };
}

/** Calls back after JupyterLab has switched themes, until `signal` aborts. */
function onThemeChange(callback, signal) {
  const watch = new MutationObserver(() => requestAnimationFrame(callback));
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  signal.addEventListener("abort", () => watch.disconnect());
}

/** Okabe and Ito's colours, told apart by colour-blind people too; the order is that of .s0 to .s7 in views.css. */
const PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"];
