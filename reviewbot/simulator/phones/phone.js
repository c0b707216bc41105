"use strict";
// One virtual phone: the chat with the application, and everything its owner can do there.

async function call(path, options) {
  const response = await fetch(path, options);
  return response.json();
}

function post(path, value) {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

// Live updates: an event stream where it works, polling where it does not.
function listen(changed) {
  let polling = null;
  const poll = () => { polling = polling || setInterval(changed, 2000); };
  if (!window.EventSource) { poll(); return; }
  let failures = 0;
  const stream = new EventSource("/sim/events");
  stream.onmessage = () => { failures = 0; if (polling) { clearInterval(polling); polling = null; } changed(); };
  stream.onerror = () => { failures += 1; if (failures > 3) poll(); };
}

function clock(at) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.getMonth() + 1}月${date.getDate()}日 ${time}`;
}

const COLOURS = ["#4a90d9", "#3bb08f", "#e0913a", "#8b6fd0", "#d9667b", "#5b8c5a", "#4f7cac"];

function avatar(name, userid) {
  const sum = [...userid].reduce((total, letter) => total + letter.codePointAt(0), 0);
  const face = el("span", { class: "avatar", "aria-hidden": "true" }, name.slice(-2));
  face.style.background = COLOURS[sum % COLOURS.length];
  return face;
}

function createPhone(root) {
  let userid = "";
  let version = -1;
  let facts = null;
  const name = el("strong", {});
  const owner = el("small", {});
  const chat = el("div", { class: "chat", "aria-live": "polite" });
  const note = el("div", { class: "note", role: "status" });
  const composer = createComposer({
    act: (path, value) => attempt(() => post(`${base()}/${path}`, value)),
    upload: (path, file) => {
      const form = new FormData();
      form.append("media", file);
      attempt(() => call(`${base()}/${path}`, { method: "POST", body: form }));
    },
    open: (url) => { if (isLink(url)) window.open(linkTo(userid, url), "_blank", "noopener"); },
    reader: (reader) => post(`${base()}/reader`, { reader }).then(refresh),
  });
  const base = () => `/sim/phones/${encodeURIComponent(userid)}`;

  root.replaceChildren(
    el("header", {}, el("span", { class: "back", "aria-hidden": "true" }, "‹"), el("div", {}, name, owner),
      el("button", { type: "button", class: "enter", onclick: enter }, "进入应用")),
    chat, note, composer.root);

  let isAtEnd = true; // what opens below the chat must not hide its last message
  chat.addEventListener("scroll", () => { isAtEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80; });
  new ResizeObserver(() => { if (isAtEnd) chat.scrollTop = chat.scrollHeight; }).observe(chat);

  function tell(answer) {
    note.textContent = answer.delivered ? "" : answer.status;
    note.classList.toggle("shown", !answer.delivered);
    if (!answer.delivered) setTimeout(() => note.classList.remove("shown"), 4000);
    refresh();
  }

  async function attempt(act) {
    try { tell(await act()); } catch { tell({ delivered: false, status: "网络不可用" }); }
  }

  function enter() {
    const home = facts && facts.agent.home_url;
    if (isLink(home)) window.open(linkTo(userid, home), "_blank", "noopener");
    attempt(() => post(`${base()}/enter`, {}));
  }

  function press(message, key, selected) {
    attempt(() => post(`${base()}/press`, { task_id: message.task_id, key, selected }));
  }

  function draw() {
    const wasAtEnd = isAtEnd;
    const kept = new Map([...chat.querySelectorAll("[data-drawn]")].map((node) => [node.dataset.drawn, node]));
    let last = 0;
    const rows = [];
    for (const message of facts.messages) {
      if (message.at - last > 300) rows.push(el("time", {}, clock(message.at)));
      last = message.at;
      const drawn = JSON.stringify([message.seq, message.content, message.status, message.replace_name, message.pressed, message.recalled]);
      rows.push(kept.get(drawn) || row(message, drawn));
    }
    if (!rows.length) rows.push(el("p", { class: "empty" }, "还没有消息"));
    chat.replaceChildren(...rows);
    if (wasAtEnd) chat.scrollTop = chat.scrollHeight;
  }

  function row(message, drawn) {
    if (message.recalled) return el("time", { "data-drawn": drawn }, "应用撤回了一条消息");
    const side = message.from_app ? "theirs" : "mine";
    const face = message.from_app ? avatar(facts.agent.name, "app") : avatar(facts.member.name, userid);
    if (message.from_app) face.classList.add("app");
    const failed = !message.from_app && message.status ? el("small", { class: "undelivered" }, `未送达：${message.status}`) : "";
    return el("div", { class: `row ${side}`, "data-drawn": drawn }, face,
      el("div", { class: "column" }, drawContent(message, userid, press), failed));
  }

  async function refresh() {
    if (!userid) return;
    const asked = userid;
    const answer = await call(`${base()}/messages?read=${document.hidden ? "" : 1}`).catch(() => null);
    if (!answer || !answer.messages || asked !== userid || answer.version < version) return;
    version = answer.version;
    facts = answer;
    name.textContent = facts.agent.name;
    composer.draw(facts);
    owner.textContent = [facts.reader === "plugin" ? "微信插件" : "", facts.member.name, facts.member.department, facts.member.title].filter(Boolean).join(" · ");
    document.title = `${facts.member.name}的手机`;
    draw();
  }

  async function show(id) {
    userid = id;
    version = -1;
    chat.replaceChildren();
    note.classList.remove("shown");
    composer.close();
    await refresh();
    chat.scrollTop = chat.scrollHeight;
  }

  return { show, refresh };
}
