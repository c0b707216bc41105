"use strict";
// The console: clock, sets of switches, scenes, attacks and the log.
{
  const at = (id) => document.getElementById(id);
  const WEATHER = {
    晴: { busy_rate: 0, html_rate: 0, late_rate: 0, kill_token_every: 0, burst: 0, concurrency_limit: 0, callback_copies: 1, callback_reorder: 0, retry_fresh_ciphertext: false, callback_hold_seconds: 0, odd_callback_every: 0, attack_every: 0, gettoken_fault: "" },
    忙: { busy_rate: 0.05, burst: 3, burst_every: 50, concurrency_limit: 10 },
    令牌多变: { kill_token_every: 50, expires_in_full: true },
    应答迟到: { late_rate: 0.02, late_seconds: 15 },
    回调三份且乱序: { callback_copies: 3, callback_reorder: 1.5, retry_fresh_ciphertext: true },
    夹杂怪事: { odd_callback_every: 5, attack_every: 5 },
    令牌接口挂起: { gettoken_fault: "hang" },
    认证门户: { html_rate: 0.1 },
  };
  const DIRECTIONS = { PUSH: "推送", ATTACK: "攻击" };
  let rows = [];

  function time(seconds) { return new Date(seconds * 1000).toLocaleString("zh-CN", { hour12: false }); }

  function same(a, b) { return JSON.stringify(a) === JSON.stringify(b); }

  async function status() {
    const told = await call("/sim/status").catch(() => null);
    if (!told) return;
    at("now").textContent = time(told.now);
    at("rate").textContent = told.rate === 1 ? "" : told.rate ? `×${told.rate}` : "停";
    at("callback").textContent = told.callback ? "已配置回调地址。" : "没有回调地址：启动时用 --callback 给出。";
    const changed = Object.entries(told.quirks).filter(([name, value]) => !same(value, told.usual[name]));
    at("set").textContent = changed.length ? `与平常不同：${changed.map(([name, value]) => `${name}=${value}`).join("，")}` : "所有开关都是平常的值。";
  }

  function failed(row) { return row.method === "ATTACK" ? row.verdict.startsWith("有") : row.errcode !== 0 && row.verdict !== "ok" && !/^HTTP 20/.test(row.verdict) && row.verdict !== "验证通过"; }

  function drawLog() {
    const words = at("filter").value.trim().toLowerCase();
    const shown = rows.filter((row) => (!at("failed").checked || failed(row)) && (!words || `${row.path} ${row.verdict} ${row.what || ""} ${row.quirk || ""}`.toLowerCase().includes(words)));
    at("log").replaceChildren(...shown.slice(-200).reverse().map((row) => el("tr", { class: failed(row) ? "bad" : "" },
      el("td", {}, time(row.at).split(" ").pop()), el("td", {}, DIRECTIONS[row.method] || "调用"),
      el("td", {}, row.what ? `${row.path} ${row.what}${row.attempt > 1 ? `（第 ${row.attempt} 次）` : ""}` : row.path.replace("/cgi-bin/", "")),
      el("td", {}, row.errcode === null ? "" : String(row.errcode)), el("td", {}, row.verdict), el("td", {}, row.quirk ? el("code", {}, row.quirk) : ""),
      el("td", {}, row.seconds === undefined ? "" : row.seconds.toFixed(2)))));
    if (!shown.length) at("log").replaceChildren(el("tr", {}, el("td", { colspan: 7, class: "empty" }, "还没有记录")));
  }

  async function log() {
    const told = await call("/sim/requests?last=300").catch(() => null);
    if (!told) return;
    rows = told.requests;
    drawLog();
  }

  function refresh() { return Promise.all([status(), log()]); }

  function fire(name, title, group, path, judge) {
    const mark = el("span", { class: "mark" });
    const button = el("button", { type: "button" }, title);
    const go = async () => {
      button.disabled = true;
      mark.textContent = "…";
      const told = await post(`${path}/${name}`, { userid: at("who").value }).catch(() => ({ errcode: -1, errmsg: "网络不可用" }));
      const [good, words] = told.errcode ? [false, told.errmsg] : judge(told);
      mark.textContent = `${good ? "✓" : "✗"} ${words}`;
      mark.className = `mark ${good ? "good" : "bad"}`;
      button.disabled = false;
    };
    button.addEventListener("click", () => go().then(refresh));
    return { row: el("div", { class: "fire" }, group ? el("small", {}, group) : "", button, mark), go };
  }

  async function build() {
    const [phones, scenes, attacks] = await Promise.all([call("/sim/phones"), call("/sim/scenes"), call("/sim/attacks")]);
    at("who").replaceChildren(...phones.members.slice(0, 300).map((m) => el("option", { value: m.userid }, `${m.name}（${m.userid}）`)));
    const outcomes = (told) => [told.outcomes.every((one) => one.delivered), told.outcomes.map((one) => one.status).join("，")];
    at("scenes").replaceChildren(...scenes.scenes.map((s) => fire(s.name, s.title, `Q${s.q}`, "/sim/scenes", outcomes).row));
    const verdict = ({ verdicts: [one] }) => [one.good, `${one.status || ""} ${one.remark}`];
    const fires = attacks.attacks.map((a) => fire(a.name, a.title, "", "/sim/attacks", verdict));
    at("attacks").replaceChildren(...fires.map((one) => one.row));
    at("all").addEventListener("click", async () => { for (const one of fires) await one.go(); refresh(); });
    at("weather").replaceChildren(...Object.entries(WEATHER).map(([name, quirks]) =>
      el("button", { type: "button", onclick: () => post("/sim/quirks", quirks).then(refresh) }, name)));
  }

  for (const button of at("advance").children) button.addEventListener("click", () => post("/sim/clock", { advance: Number(button.dataset.seconds) }).then(refresh));
  for (const button of at("rates").children) button.addEventListener("click", () => post("/sim/clock", { rate: Number(button.dataset.rate) }).then(refresh));
  at("set-clock").addEventListener("submit", (event) => {
    event.preventDefault();
    post("/sim/clock", { set: new Date(event.target.elements[0].value).getTime() / 1000 }).then(refresh);
  });
  const say = (words) => { at("said").textContent = words; refresh(); };
  at("verify").addEventListener("click", () => post("/sim/verify", {}).then((told) => say(told.status)));
  at("kill").addEventListener("click", () => post("/sim/tokens/kill", {}).then(() => say("所有令牌已失效")));
  at("crowd").addEventListener("click", () => post("/sim/crowd", { count: 20 }).then((told) => say(`${told.acts} 人说话，${told.delivered} 条送达`)));
  at("filter").addEventListener("input", drawLog);
  at("failed").addEventListener("change", drawLog);
  build().then(refresh);
  listen(refresh);
  setInterval(refresh, 2000);
}
