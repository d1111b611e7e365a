// view_lanes.js: streams side by side while they arrive. Lanes stay where they are from one drawing to the next, and a
// patch adds what is new, so that a text can be read, selected and scrolled while it grows. Text is only ever a text node.

const NEAR = 40; // pixels from the end of a text, two lines: whoever scrolls down to there wants to follow it

/** Text that grows, in a box that stays at its end unless the person has scrolled up to read. */
function growingText(label) {
  const box = h("div", { class: "grows", role: "group", "aria-label": label, tabindex: "0" });
  let text = "";
  let line; // a block per line of text: what is added lays out the last line again, and not the whole
  let following = true;
  let top = 0;
  const startLine = () => {
    line = document.createTextNode("");
    box.append(h("div", {}, line));
  };
  box.addEventListener("scroll", () => {
    const left = box.scrollHeight - box.scrollTop - box.clientHeight;
    if (left < (box.scrollTop > top ? NEAR : 2)) following = true; // the end moves on while a person moves towards it
    else if (box.scrollTop < top) following = false;
    top = box.scrollTop;
  });
  // at once: the next words may come before the scrolling has moved anything
  box.addEventListener("wheel", ({ deltaY }) => { if (deltaY < 0 && box.scrollTop > 0) following = false; }, { passive: true });
  box.addEventListener("keydown", ({ key }) => { if (key === "End") following = true; });

  const add = (more) => {
    if (!more) return;
    text += more;
    const [first, ...rest] = more.split(/(?<=\n)/);
    if (!line || line.data.endsWith("\n")) startLine();
    line.appendData(first);
    for (const one of rest) {
      startLine();
      line.appendData(one);
    }
  };
  return {
    box,
    add,
    set(whole) {
      if (whole.startsWith(text)) return add(whole.slice(text.length));
      box.replaceChildren();
      [text, line, following, top] = ["", undefined, true, 0];
      add(whole);
    },
    keepUp() {
      if (following) box.scrollTop = box.scrollHeight;
    },
  };
}

function lane(phases) {
  const name = h("p", { class: "lane-name", id: newId() });
  const state = h("p", { class: "lane-state" });
  const track = h("span", { class: "track", "aria-hidden": "true" });
  const spent = h("span", { class: "unseen" });
  const reasoning = growingText("reasoning");
  const thoughts = h("div", { class: "thoughts" }, h("p", { class: "help", "aria-hidden": "true" }, "reasoning"), reasoning.box);
  const text = growingText("answer");
  const facts = h("ul", { class: "facts" });
  const error = h("p", { class: "lane-error" });
  const node = h("div", { class: "lane", role: "group", "aria-labelledby": name.id },
    name, state, h("div", {}, track, spent), h("div", { class: "said" }, thoughts, text.box), facts, error);

  function part({ series, value, text: words, title }) {
    const place = phases().findIndex((phase) => phase.key === series);
    const { label } = phases()[place];
    const box = h("span", { class: `part s${place % PALETTE.length}`, title: title ?? `${label}: ${words}` },
      h("span", { class: "inside" }, words), h("span", { class: "inside" }, label));
    box.style.setProperty("--ms", value);
    return box;
  }

  /** What is left out stays as it is. */
  function change(changed) {
    if (changed.state !== undefined) state.textContent = changed.state;
    if (changed.tone !== undefined) node.className = `lane ${changed.tone}`.trim();
    if (changed.parts) {
      track.replaceChildren(...changed.parts.filter(({ value }) => value > 0).map(part));
      spent.textContent = changed.parts.map((one) => `${phases().find(({ key }) => key === one.series).label} ${one.text}`).join(", ");
    }
    if (changed.facts) facts.replaceChildren(...changed.facts.map((fact) => h("li", {}, cellContent(fact))));
    if (changed.error !== undefined) error.textContent = changed.error;
  }
  const finish = () => (thoughts.hidden = !reasoning.box.hasChildNodes());

  return {
    node,
    draw(payload) {
      name.replaceChildren(payload.label, ...(payload.badges ?? []).map(badge));
      change({ state: "", tone: "", parts: [], facts: [], error: "", ...payload });
      reasoning.set(payload.reasoning ?? "");
      text.set(payload.text ?? "");
      finish();
    },
    patch(changed) {
      change(changed);
      reasoning.add(changed.reasoning);
      text.add(changed.text);
      finish();
    },
    keepUp() {
      reasoning.keepUp();
      text.keepUp();
    },
  };
}

function lanesView({ node }) {
  const legend = h("ul", { class: "legend" });
  const extent = h("li", { class: "caption" });
  const list = h("div", { class: "lanes" });
  const note = h("p", { class: "empty" });
  node.append(legend, list, note);
  const lanes = new Map(); // key -> lane
  let phases = [];

  function scale(milliseconds) {
    list.style.setProperty("--scale", milliseconds);
    const seconds = (milliseconds / 1000).toLocaleString("en-US", { maximumFractionDigits: 1 });
    extent.textContent = `bars: 0 to ${milliseconds < 1000 ? `${round(milliseconds, 0)} ms` : `${seconds} s`}`;
  }
  /** All that is read of the layout comes after all that changes it: one layout for all lanes. */
  const keepUp = () => lanes.forEach((one) => one.keepUp());

  return {
    draw(payload) {
      phases = payload.phases;
      legend.replaceChildren(
        ...phases.map(({ label }, i) => h("li", {}, h("span", { class: `swatch s${i % PALETTE.length}` }), label)), extent,
        payload.caption ? h("li", { class: "caption" }, payload.caption) : "");
      scale(payload.scale_ms);
      const shown = payload.lanes.map((one) => {
        if (!lanes.has(one.key)) lanes.set(one.key, lane(() => phases));
        lanes.get(one.key).draw(one);
        return one.key;
      });
      for (const [key, { node: gone }] of lanes) {
        if (shown.includes(key)) continue;
        gone.remove();
        lanes.delete(key);
      }
      shown.forEach((key, i) => {
        const { node: one } = lanes.get(key);
        if (list.children[i] !== one) list.insertBefore(one, list.children[i] ?? null); // moving it would reset its scrolling
      });
      note.textContent = payload.empty ?? "Nothing to show.";
      note.hidden = shown.length > 0;
      legend.hidden = !note.hidden;
      keepUp();
    },
    patch({ changes = [], scale_ms: milliseconds }) {
      if (milliseconds !== undefined) scale(milliseconds);
      for (const change of changes) lanes.get(change.key)?.patch(change);
      keepUp();
    },
  };
}
