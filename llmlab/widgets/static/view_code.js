// view_code.js: text to copy and run or ship.

function codeView({ node, spec, announce }) {
  const caption = h("p", { class: "help" });
  const code = h("code", {});
  const copy = h("button", { type: "button", "aria-label": `Copy ${spec.title}`, onclick: async () => {
    announce((await copyText(code.textContent, node)) ? "Copied." : "Press Ctrl+C to copy the selected text.");
  } }, "Copy");
  node.append(caption, h("div", { class: "code" }, h("pre", { tabindex: "0", role: "region", "aria-label": spec.title }, code), copy));
  return {
    draw(payload) {
      caption.textContent = payload.caption ?? "";
      caption.hidden = !payload.caption;
      code.textContent = payload.code;
      code.dataset.language = payload.language ?? "";
    },
  };
}
