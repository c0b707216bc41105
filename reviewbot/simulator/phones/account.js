"use strict";
// The followers of the Official Account: who agrees to what, and what they got.
{
  const known = new Map(); // whoever has left can come back
  const followers = document.getElementById("followers");
  const notices = document.getElementById("notices");

  function follower(openid, name, told) {
    const follows = openid in told.followers;
    const consents = Object.keys(told.templates).map((template) => {
      const found = told.consents.find((one) => one.openid === openid && one.template_id === template);
      return el("div", { class: "consent" }, el("code", {}, template), el("span", {}, `可收 ${found ? found.count : 0} 条`),
        el("button", { type: "button", disabled: !follows, onclick: () => post("/sim/account/subscribe", { openid, template_id: template }).then(refresh) }, "同意"),
        el("button", { type: "button", disabled: !found, onclick: () => post("/sim/account/subscribe", { openid, template_id: template, agree: false }).then(refresh) }, "拒收"));
    });
    return el("section", { class: "board" }, el("h2", {}, avatar(name, openid), el("span", { class: "who" }, name, el("small", {}, openid)),
      el("button", { type: "button", onclick: () => post("/sim/account/follow", { openid, name: follows ? null : name }).then(refresh) }, follows ? "取消关注" : "关注")), consents);
  }

  async function refresh() {
    const told = await call("/sim/account").catch(() => null);
    if (!told) return;
    for (const [openid, name] of Object.entries(told.followers)) known.set(openid, name);
    followers.replaceChildren(...[...known].map(([openid, name]) => follower(openid, name, told)));
    if (!known.size) followers.replaceChildren(el("p", { class: "empty" }, "没有配置公众号：用 --profile mp 启动"));
    notices.replaceChildren(...told.notices.slice().reverse().map((one) => el("div", { class: "card" },
      el("div", { class: "source" }, el("span", {}, known.get(one.openid) || one.openid), el("span", {}, clock(one.at))),
      el("div", { class: "title" }, "服务通知"),
      el("div", { class: "facts" }, Object.entries(one.fields).map(([name, value]) => el("div", { class: "fact" }, el("span", { class: "name" }, name), el("span", { class: "value" }, value)))),
      one.page ? el("div", { class: "more" }, one.page, el("span", {}, "›")) : "")));
    if (!told.notices.length) notices.replaceChildren(el("p", { class: "empty" }, "还没有通知"));
  }

  listen(refresh);
  refresh();
}
