// control.js: one labelled native input per declared trait. Each builder gets its declaration and `set(value)`, and
// returns { fields, show }: the nodes under the label, and what to do when the trait has another value.

const inWords = (value, spec) =>
  spec.kind === "share" ? `${round(value * 100, 6)}%` : `${value.toLocaleString("en-US", { maximumFractionDigits: 6 })} ${spec.unit}`.trim();
const TYPING_MS = 250; // without a key: then a prompt is sent
const round = (value, digits) => Number(value.toFixed(digits));

/** The values a slider stops at. On a log scale: round numbers 2 to 5 % apart, so that each arrow key makes a step. */
function stopsOf({ min, max, step, scale, whole }) {
  const stops = new Set([min]);
  if (scale === "log") {
    const first = Math.floor(Math.log10(min > 0 ? min : Math.max(step, max / 1e9)));
    for (let decade = first; decade <= Math.log10(max); decade++) {
      for (let part = 100; part < 1000; part += part < 200 ? 5 : part < 500 ? 10 : 20) {
        const value = round(part * 10 ** (decade - 2), Math.max(0, 2 - decade));
        if (value > min && value < max && !(whole && !Number.isInteger(value))) stops.add(value);
      }
    }
  } else {
    const stride = step * Math.ceil((max - min) / step / 10_000); // no slider is wider than 10,000 pixels
    for (let i = 1; min + i * stride < max; i++) stops.add(round(min + i * stride, 9));
  }
  return [...stops.add(max)];
}

/** The position of the stop nearest to `value`. */
function nearestStop(stops, value) {
  let low = 0;
  let high = stops.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (stops[middle] <= value) low = middle;
    else high = middle;
  }
  return value - stops[low] <= stops[high] - value ? low : high;
}

/** What was typed, as a number: "1,950", "1.5M" and "35%" are numbers; anything else goes to the kernel to be refused. */
function numberIn(typed) {
  const [, digits, times] = /^([-+]?[\d,_ ]*\.?\d*(?:e\d+)?)\s*([kmb%]?)$/i.exec(typed.trim()) ?? [];
  const value = digits ? Number(digits.replace(/[,_ ]/g, "")) : NaN;
  return Number.isFinite(value) ? value * ({ k: 1e3, m: 1e6, b: 1e9 }[times.toLowerCase()] ?? 1) : undefined;
}

/** A range for the hand and an input for the exact value, of the same trait. */
function numberControl(spec, set, ids) {
  const factor = spec.kind === "share" ? 100 : 1; // shares are kept as 0 to 1 and shown as percentages
  const shape = spec.kind === "share" ? { min: 0, max: 100, step: 1, scale: "linear" } : spec;
  const stops = stopsOf(shape);
  const move = (steps) => set(stops[Math.min(Math.max(range.valueAsNumber + steps, 0), stops.length - 1)] / factor);
  const range = h("input", {
    type: "range", id: ids.input, min: 0, max: stops.length - 1, step: 1, "aria-describedby": ids.help,
    oninput: () => move(0),
  });
  // not type="number": that cannot show 100,000,000 so that a person can read it
  const exact = h("input", {
    type: "text", role: "spinbutton", inputmode: "decimal", autocomplete: "off", class: "exact",
    "aria-label": `${spec.label}, exact value`, "aria-describedby": ids.help,
    "aria-valuemin": shape.min, "aria-valuemax": shape.max,
    onchange: () => {
      const value = numberIn(exact.value);
      set(value === undefined ? exact.value : round(value / factor, 12));
    },
    onkeydown: (event) => {
      const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!steps) return;
      event.preventDefault();
      move(steps);
      print(true);
    },
    onblur: () => print(true),
  });
  let current;
  const print = (always) => {
    if (!always && document.activeElement === exact) return; // somebody is typing there
    exact.value = round(current * factor, 9).toLocaleString("en-US", { maximumFractionDigits: 9 });
  };
  const show = (value) => {
    if (typeof value !== "number") return; // typed nonsense, until the kernel has refused it
    current = value;
    range.value = nearestStop(stops, value * factor);
    range.setAttribute("aria-valuetext", inWords(value, spec));
    exact.setAttribute("aria-valuenow", round(value * factor, 9));
    print(false);
  };
  return { fields: [exact, range], show };
}

function choiceControl(spec, set, ids) {
  const select = h("select", { id: ids.input, "aria-describedby": ids.help, onchange: () => set(select.value) });
  select.append(...spec.options.map(([value, label]) => Object.assign(h("option", {}, label), { value }))); // "" is a value
  return { fields: [select], show: (value) => (select.value = value) };
}

function toggleControl(spec, set, ids) {
  const box = h("input", {
    type: "checkbox", id: ids.input, "aria-describedby": ids.help, onchange: () => set(box.checked),
  });
  return { fields: [box], show: (value) => (box.checked = value) };
}

function textControl(spec, set, ids, send, signal) {
  if (spec.lines > 1) return paragraphControl(spec, set, ids, send, signal);
  const input = h("input", {
    type: "text", id: ids.input, "aria-describedby": ids.help, autocomplete: "off", spellcheck: "false",
    oninput: () => set(input.value),
  });
  const show = (value) => document.activeElement !== input && (input.value = value);
  return { fields: [input], show };
}

/** A prompt may be long: it is sent when typing pauses, and before anything else can be pressed. */
function paragraphControl(spec, set, ids, send, signal) {
  let typed;
  const sendNow = () => {
    if (typed === undefined) return;
    clearTimeout(typed);
    typed = undefined;
    set(area.value);
  };
  const area = h("textarea", {
    id: ids.input, rows: spec.lines, "aria-describedby": ids.help, autocomplete: "off",
    oninput: () => {
      clearTimeout(typed);
      typed = setTimeout(sendNow, TYPING_MS);
    },
    onblur: sendNow,
  });
  signal.addEventListener("abort", sendNow);
  const show = (value) => document.activeElement !== area && (area.value = value);
  return { fields: [area], show };
}

/** Checkboxes that fold away; the fold says how many are chosen. */
function severalControl(spec, set, ids) {
  const summary = h("summary", { "aria-describedby": ids.help });
  const boxes = spec.options.map(([value, label]) => {
    const box = h("input", { type: "checkbox", onchange: () => set(boxes.filter((b) => b.checked).map((b) => b.value)) });
    box.value = value;
    return Object.assign(box, { row: h("label", {}, box, h("span", {}, label)) });
  });
  const list = h("div", { class: "boxes", role: "group", "aria-label": spec.label }, boxes.map((box) => box.row));
  const show = (chosen) => {
    for (const box of boxes) box.checked = chosen.includes(box.value);
    const names = spec.options.filter(([value]) => chosen.includes(value)).map(([, label]) => label);
    const brief = names.length <= 2 ? names.join(", ") : `${names.length} of ${boxes.length}`;
    summary.replaceChildren(h("span", { class: "unseen" }, `${spec.label}: `), brief || "None chosen");
  };
  return { fields: [h("details", { class: "several" }, summary, boxes.length ? list : h("p", {}, "No options yet."))], show };
}

/** A file is read here and its text sent to the kernel; the trait holds the name. */
function fileControl(spec, set, ids, send) {
  const open = (file, text) => send({ kind: "file", name: spec.name, file, text });
  const input = h("input", {
    type: "file", id: ids.input, accept: spec.accept, "aria-describedby": ids.help,
    onchange: async () => input.files[0] && open(input.files[0].name, await input.files[0].text()),
  });
  const name = h("span", { class: "file-name" });
  const remove = h("button", { type: "button", class: "quiet", "aria-label": `Remove ${spec.label}`, onclick: () => {
    input.value = "";
    open("", "");
  } }, "Remove");
  const show = (value) => {
    name.textContent = value || "No file chosen";
    remove.hidden = !value;
  };
  return { fields: [h("div", { class: "file-row" }, input, name, remove)], show };
}

const CONTROLS = {
  number: numberControl, share: numberControl, choice: choiceControl, toggle: toggleControl,
  text: textControl, several: severalControl, file: fileControl,
};

/** A control with its label, unit and help, bound to the trait of its name until `signal` aborts. */
function buildControl(spec, model, set, send, signal) {
  const ids = { input: newId(), help: spec.help ? newId() : "" };
  const { fields, show } = CONTROLS[spec.kind](spec, (value) => set(spec.name, value), ids, send, signal);
  const update = () => show(model.get(spec.name));
  model.on(`change:${spec.name}`, update);
  signal.addEventListener("abort", () => model.off(`change:${spec.name}`, update));
  update();
  const focusable = fields.flatMap((field) => [field, ...field.querySelectorAll("input, summary")]);
  focusable.forEach((field, i) => (field.dataset.key = `control ${spec.name} ${i}`)); // keeps the focus over a rebuild
  const label = spec.kind === "several" ? h("span", { class: "label" }, spec.label) : h("label", { for: ids.input }, spec.label);
  return h("div", { class: `control ${spec.kind} ${spec.lines > 1 ? "paragraph" : ""}`.trim() },
    h("div", { class: "head" }, label, h("span", { class: "unit" }, spec.unit)),
    fields,
    spec.help ? h("p", { class: "help", id: ids.help }, spec.help) : "");
}
