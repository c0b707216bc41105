"use strict";
// Below the chat: the application's menu, the line to type in, and what else a member can send.

const PLACES = [["揭东区政务服务中心", 23.5663, 116.4121], ["揭阳市人民政府", 23.5498, 116.3728], ["广州市天河区", 23.1252, 113.3619]];
const TAKES_PICTURE = ["pic_sysphoto", "pic_photo_or_album", "pic_weixin"];

function asDataUrl(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = failed;
    reader.readAsDataURL(file);
  });
}

function createComposer(phone) {
  let menu = [];
  let typing = false; // the line to type in instead of the menu
  let reader = "wecom";
  let drawn = "";
  let picturePath = null; // the menu button that waits for a picture
  const input = el("textarea", { rows: "1", placeholder: "发消息", "aria-label": "发消息", maxlength: "2000" });
  const photo = el("input", { type: "file", accept: "image/png,image/jpeg", hidden: true, onchange: sendPicture });
  const film = el("input", { type: "file", accept: "video/mp4", hidden: true, onchange: () => sendFile(film, "video") });
  const bar = el("div", { class: "bar" });
  const sheet = el("div", { class: "sheet", hidden: true });
  const root = el("footer", { class: "composer" }, bar, sheet, photo, film);

  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); sendText(); }
  });

  function sendText() {
    const content = input.value.trim();
    if (!content) return;
    input.value = "";
    phone.act("text", { content });
  }

  function sendFile(field, path) {
    if (!field.files.length) return;
    const [file] = field.files;
    field.value = "";
    close();
    phone.upload(path, file);
  }

  async function sendPicture() {
    if (!picturePath) { sendFile(photo, "photo"); return; }
    const path = picturePath;
    picturePath = null;
    if (!photo.files.length) return;
    const picture = await asDataUrl(photo.files[0]);
    photo.value = "";
    phone.act("menu", { path, photo: picture });
  }

  function close() { sheet.hidden = true; sheet.replaceChildren(); }

  function open(...children) { sheet.replaceChildren(...children); sheet.hidden = false; }

  function toggle(...children) { if (sheet.hidden) open(...children); else close(); }

  // What can be sent

  function tile(sign, label, act) {
    return el("button", { type: "button", class: "tile", onclick: act }, el("span", { "aria-hidden": "true" }, sign || el("i", { class: "pin" })), label);
  }

  function tiles() {
    return el("div", { class: "tiles" },
      tile("▣", "照片", () => { picturePath = null; photo.click(); }),
      tile("◉", "语音", voicePanel),
      tile("", "位置", () => placePanel((where) => phone.act("location", where))),
      tile("▶", "视频", () => film.click()),
      tile("⇄", reader === "plugin" ? "改用企业微信" : "改用微信插件", () => { close(); phone.reader(reader === "plugin" ? "wecom" : "plugin"); }));
  }

  function voicePanel() {
    const words = el("input", { placeholder: "说的话", "aria-label": "说的话", maxlength: "200" });
    const seconds = el("input", { type: "range", min: "1", max: "60", value: "4", "aria-label": "秒数" });
    const shown = el("output", {}, "4 秒");
    seconds.addEventListener("input", () => { shown.textContent = `${seconds.value} 秒`; });
    open(panel("发送语音", () => phone.act("voice", { words: words.value, seconds: Number(seconds.value) }), words, el("label", {}, seconds, shown)));
  }

  function placePanel(send) {
    const label = el("input", { "aria-label": "地点名称", value: PLACES[0][0] });
    const latitude = el("input", { type: "number", step: "any", "aria-label": "纬度", value: PLACES[0][1] });
    const longitude = el("input", { type: "number", step: "any", "aria-label": "经度", value: PLACES[0][2] });
    const known = PLACES.map(([title, x, y]) => el("button", { type: "button", class: "chip",
      onclick: () => { label.value = title; latitude.value = x; longitude.value = y; } }, title));
    open(panel("发送位置", () => send({ latitude: Number(latitude.value), longitude: Number(longitude.value), label: label.value }),
      el("div", { class: "chips" }, known), label, el("div", { class: "pair" }, latitude, longitude)));
  }

  function panel(label, send, ...fields) {
    return el("form", { class: "panel", onsubmit: (event) => { event.preventDefault(); close(); send(); } },
      fields, el("div", { class: "pair" }, el("button", { type: "button", onclick: () => open(tiles()) }, "返回"), el("button", { type: "submit", class: "send" }, label)));
  }

  // The application's menu

  function touch(button, path) {
    close();
    if (TAKES_PICTURE.includes(button.type)) { picturePath = path; photo.click(); return; }
    if (button.type === "location_select") { placePanel((where) => phone.act("menu", { path, ...where })); return; }
    if ((button.type || "").startsWith("scancode_")) { scanPanel(path); return; }
    if (button.type === "view") phone.open(button.url);
    phone.act("menu", { path });
  }

  function scanPanel(path) {
    const scanned = el("input", { "aria-label": "码的内容", placeholder: "码的内容", value: "A1027" });
    open(panel("扫一扫", () => phone.act("menu", { path, scanned: scanned.value }), scanned));
  }

  function menuButton(button, place) {
    const below = button.sub_button || [];
    const list = () => el("div", { class: "submenu" }, below.map((one, above) =>
      el("button", { type: "button", onclick: () => touch(one, [place, above]) }, one.name)));
    return el("button", { type: "button", onclick: () => (below.length ? toggle(list()) : touch(button, [place])) },
      below.length ? el("span", { "aria-hidden": "true" }, "≡ ") : "", button.name);
  }

  function draw(facts) {
    reader = facts.reader;
    menu = facts.agent.menu || [];
    const state = JSON.stringify([menu, typing || !menu.length, reader]);
    if (state === drawn) return;
    drawn = state;
    const turn = menu.length ? el("button", { type: "button", class: "turn", "aria-label": typing ? "菜单" : "键盘",
      onclick: () => { typing = !typing; close(); draw(facts); } }, typing ? "☰" : "⌨") : "";
    if (menu.length && !typing) {
      bar.replaceChildren(turn, el("div", { class: "menubar" }, menu.map(menuButton)));
      return;
    }
    bar.replaceChildren(...[turn, el("form", { class: "compose", onsubmit: (event) => { event.preventDefault(); sendText(); } },
      input, el("button", { type: "button", class: "plus", "aria-label": "更多", title: "照片、语音、位置", onclick: () => toggle(tiles()) }, "＋"),
      el("button", { type: "submit", class: "send" }, "发送"))].filter(Boolean));
  }

  return { root, draw, close };
}
