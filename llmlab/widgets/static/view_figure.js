// view_figure.js: a Plotly figure, drawn with Plotly.react in the same node. plotly.js (4.6 MB) comes from the kernel
// once per page, whatever the number of charts and panels, and is saved in no notebook.

/** Plotly, once it is on the page; nothing if `signal` aborted first. One chart asks for all; should it go, another does. */
async function loadPlotly(model, signal) {
  while (!globalThis.Plotly?.react && !signal.aborted) {
    globalThis.__llmlabPlotly ??= askForPlotly(model, signal).finally(() => (globalThis.__llmlabPlotly = undefined));
    await globalThis.__llmlabPlotly;
  }
  return signal.aborted ? undefined : globalThis.Plotly;
}

/** Settles when plotly.js has run, or when `signal` aborts because the chart that asked is gone. */
function askForPlotly(model, signal) {
  return new Promise((resolve, reject) => {
    const receive = (message, buffers) => {
      if (message.kind !== "plotly.js") return;
      model.off("msg:custom", receive);
      const script = h("script", {}, new TextDecoder().decode(buffers[0]));
      // JupyterLab ships RequireJS: with a `define` in sight, plotly.js would register there instead of on the window
      const define = globalThis.define;
      globalThis.define = undefined;
      document.head.append(script);
      script.remove();
      globalThis.define = define;
      if (globalThis.Plotly?.react) resolve();
      else reject(new Error("plotly.js did not start"));
    };
    model.on("msg:custom", receive);
    signal.addEventListener("abort", resolve);
    model.send({ kind: "plotly.js" });
  });
}

/** Plotly's template: what a figure looks like where it does not say so itself. */
function themedTemplate(node) {
  const { text, quiet, grid, paper, font } = themeOf(node);
  const axis = {
    gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickcolor: grid, tickfont: { color: quiet },
    title: { font: { color: text } }, automargin: true,
  };
  return { layout: {
    colorway: PALETTE, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: text, family: font, size: 12 },
    xaxis: axis, yaxis: axis, margin: { l: 56, r: 16, t: 16, b: 44 }, hovermode: "closest",
    hoverlabel: { bgcolor: paper, bordercolor: grid, font: { color: text, family: font } },
  } };
}

function figureView({ node, spec, ask, model, signal }) {
  const note = h("p", { class: "empty" }, "Loading chart…"); // or that there is nothing to draw, or why it cannot be
  const plot = h("div", { class: "plot", role: "img" });
  node.append(note, plot);
  let Plotly;
  let latest;

  function paint() {
    if (!Plotly || !latest || signal.aborted) return;
    const { figure, alt, height = 320, empty = "Nothing to show." } = latest;
    note.textContent = empty;
    note.hidden = figure.data.length > 0;
    plot.hidden = !note.hidden;
    if (plot.hidden) return;
    plot.setAttribute("aria-label", alt);
    // The legend's place is in the layout and not in the template: Plotly.react was measured a quarter faster so.
    const legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...figure.layout.legend };
    const layout = { ...figure.layout, legend, template: themedTemplate(plot), height, autosize: true };
    Plotly.react(plot, figure.data, layout, { displaylogo: false, displayModeBar: false, responsive: false });
    if (plot.dataset.listening) return;
    plot.dataset.listening = "yes";
    plot.on("plotly_click", ({ points: [point] }) => {
      const row = Array.isArray(point?.customdata) ? point.customdata[0] : point?.customdata;
      if (spec.selectable && row !== undefined && row !== null) ask({ kind: "select", row: String(row) });
    });
  }

  loadPlotly(model, signal).then(
    (loaded) => {
      Plotly = loaded;
      paint();
    },
    (error) => (note.textContent = `The chart could not be loaded: ${error.message}. The table holds the same numbers.`),
  );
  const resize = new ResizeObserver(() => Plotly && plot.clientWidth && plot.layout && Plotly.Plots.resize(plot));
  resize.observe(plot);
  onThemeChange(paint, signal);
  signal.addEventListener("abort", () => {
    resize.disconnect();
    Plotly?.purge(plot);
  });

  return {
    draw(payload) {
      latest = payload;
      paint();
    },
  };
}
