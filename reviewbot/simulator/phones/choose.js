"use strict";
// The sign-in page: a list of people, each a link back to this address with "as".
{
  const list = document.getElementById("members");
  const search = document.getElementById("search");
  let members = [];

  function draw() {
    const words = search.value.trim().toLowerCase();
    const found = members.filter((m) => !words || `${m.name} ${m.userid} ${m.department} ${m.title}`.toLowerCase().includes(words));
    list.replaceChildren(...found.slice(0, 150).map((m) => {
      const query = new URLSearchParams(location.search);
      query.set("as", m.userid);
      return el("a", { class: "person", href: `${location.pathname}?${query}` }, avatar(m.name, m.userid),
        el("span", { class: "who" }, m.name, el("small", {}, [m.department, m.title].filter(Boolean).join(" · ") || m.userid)));
    }), found.length > 150 ? el("p", { class: "empty" }, `还有 ${found.length - 150} 人，请搜索`) : "");
  }

  search.addEventListener("input", draw);
  async function load() {
    const account = await call("/sim/account");
    const ofAccount = account.app_id && new URLSearchParams(location.search).get("appid") === account.app_id;
    if (ofAccount) members = Object.entries(account.followers).map(([userid, name]) => ({ userid, name, department: "公众号", title: "粉丝" }));
    else members = (await call("/sim/phones")).members;
    draw();
  }

  load();
}
