"use strict";
// The console: whose phone is in hand. A big city has thousands of members, so the list is cut and searched.
{
  const SHOWN = 150;
  const phone = createPhone(document.getElementById("phone"));
  const list = document.getElementById("members");
  const search = document.getElementById("search");
  const verify = document.getElementById("verify");
  let members = [];
  let drawn = "";
  const buttons = new Map();
  let chosen = decodeURIComponent(location.hash.slice(1));

  function draw() {
    const words = search.value.trim().toLowerCase();
    const found = members.filter((m) => !words || `${m.name} ${m.userid} ${m.department} ${m.title}`.toLowerCase().includes(words));
    const people = found.slice(0, SHOWN);
    const state = JSON.stringify([people.map((m) => [m.userid, m.name, m.department, m.title]), found.length]);
    if (state !== drawn) rebuild(people, found.length);
    drawn = state;
    people.forEach(mark);
  }

  // A button that is rebuilt under the finger loses the click, so what changes often changes within it.
  function mark(member) {
    const button = buttons.get(member.userid);
    button.className = member.userid === chosen ? "chosen" : "";
    const badge = button.querySelector(".badge");
    const count = member.unread > 99 ? "99+" : String(member.unread);
    if (badge && member.unread) badge.textContent = count;
    else if (badge) badge.remove();
    else if (member.unread) button.append(el("b", { class: "badge", title: "未读" }, count));
  }

  function rebuild(people, total) {
    buttons.clear();
    const groups = new Map();
    for (const member of people) {
      const key = member.department || "未分部门";
      groups.set(key, [...(groups.get(key) || []), member]);
    }
    const rows = [];
    for (const [department, group] of groups) {
      rows.push(el("h2", {}, department));
      for (const member of group) {
        buttons.set(member.userid, el("button", { type: "button", onclick: () => choose(member.userid) },
          avatar(member.name, member.userid),
          el("span", { class: "who" }, member.name, el("small", {}, member.title || member.userid))));
        rows.push(buttons.get(member.userid));
      }
    }
    if (total > SHOWN) rows.push(el("p", { class: "empty" }, `还有 ${total - SHOWN} 人，请搜索`));
    if (!total) rows.push(el("p", { class: "empty" }, members.length ? "没有找到" : "还没有成员"));
    const top = list.scrollTop;
    list.replaceChildren(...rows);
    list.scrollTop = top;
  }

  function choose(userid) {
    chosen = userid;
    history.replaceState(null, "", `#${encodeURIComponent(userid)}`);
    phone.show(userid).then(refresh);
    draw();
  }

  async function refresh() {
    const answer = await call("/sim/phones").catch(() => null);
    if (!answer) return;
    members = answer.members;
    if (!members.some((m) => m.userid === chosen) && members.length) choose(members[0].userid);
    draw();
  }

  search.addEventListener("input", draw);
  verify.addEventListener("click", async () => {
    verify.disabled = true;
    const answer = await post("/sim/verify", {}).catch(() => ({ status: "网络不可用" }));
    verify.textContent = answer.status;
    verify.disabled = false;
    setTimeout(() => { verify.textContent = "校验回调地址"; }, 4000);
  });
  call("/sim/status").then((told) => { document.getElementById("citizens").hidden = !told.texts; }).catch(() => {});
  if (chosen) phone.show(chosen);
  listen(() => { refresh(); phone.refresh(); });
  refresh();
}
