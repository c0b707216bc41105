"use strict";
// Draws one message. Everything is built from DOM nodes and text: nothing a message says is ever read as HTML.

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

function isLink(url) { return /^https?:\/\//i.test(url || ""); }

// A link opens in a new tab with the identity of the phone it was touched on.
function linkTo(userid, url) {
  return `/sim/phones/${encodeURIComponent(userid)}/open?url=${encodeURIComponent(url)}`;
}

function anchor(userid, url, attributes, ...children) {
  if (!isLink(url)) return el("span", attributes, ...children);
  return el("a", { ...attributes, href: linkTo(userid, url), target: "_blank", rel: "noopener" }, ...children);
}

const INLINE = [
  [/\[([^\]]+)\]\((https?:[^)\s]+)\)/, (m, userid) => anchor(userid, m[2], {}, m[1])],
  [/<a\s+href="(https?:[^"]+)"\s*>([^<]*)<\/a>/, (m, userid) => anchor(userid, m[1], {}, m[2])],
  [/<font\s+color="(info|comment|warning)"\s*>([^<]*)<\/font>/, (m) => el("span", { class: `font-${m[1]}` }, m[2])],
  [/\*\*([^*]+)\*\*/, (m) => el("strong", {}, m[1])],
  [/`([^`]+)`/, (m) => el("code", {}, m[1])],
  [/(https?:\/\/[^\s，。；）)]+)/, (m, userid) => anchor(userid, m[1], {}, m[1])],
];

function inline(text, userid, rules) {
  let first = null;
  for (const [pattern, draw] of rules) {
    const match = pattern.exec(text);
    if (match && (!first || match.index < first.match.index)) first = { match, draw };
  }
  if (!first) return [text];
  const { match, draw } = first;
  return [text.slice(0, match.index), draw(match, userid), ...inline(text.slice(match.index + match[0].length), userid, rules)];
}

function plainText(text, userid) {
  return el("div", { class: "bubble" }, inline(text, userid, [INLINE[1], INLINE[5]]));
}

function markdown(text, userid) {
  const lines = text.split("\n").map((line) => {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) return el("div", { class: "md-heading" }, inline(heading[2], userid, INLINE));
    if (line.startsWith(">")) return el("blockquote", {}, inline(line.slice(1).trim(), userid, INLINE));
    return el("div", {}, inline(line, userid, INLINE), line ? "" : "\u00a0");
  });
  return el("div", { class: "bubble markdown" }, lines);
}

function textcard(card, userid) {
  const parsed = new DOMParser().parseFromString(card.description || "", "text/html");
  const lines = [...parsed.body.childNodes].map((node) => {
    const kind = ["gray", "normal", "highlight"].find((name) => node.classList && node.classList.contains(name));
    return node.nodeName === "BR" ? el("br") : el(node.nodeName === "DIV" ? "div" : "span", { class: kind }, node.textContent);
  });
  return anchor(userid, card.url, { class: "card" },
    el("div", { class: "title" }, card.title || ""), el("div", { class: "body" }, lines),
    el("div", { class: "more" }, card.btntxt || "详情", el("span", {}, "›")));
}

function facts(card, userid) {
  const rows = (card.horizontal_content_list || []).map((row) =>
    el("div", { class: "fact" }, el("span", { class: "name" }, row.keyname || ""),
      anchor(userid, Number(row.type) === 1 ? row.url : "", { class: "value" }, row.value || "")));
  return rows.length ? el("div", { class: "facts" }, rows) : "";
}

function choices(part, isMany, name, disabled) {
  const options = (part.option_list || []).map((option) => {
    const checked = option.is_checked === true || option.is_checked === "true" || option.id === part.selected_id;
    return el("label", {}, el("input", { type: isMany ? "checkbox" : "radio", name, value: option.id, checked, disabled }), option.text || "");
  });
  return el("fieldset", { class: "choices", "data-question": part.question_key },
    part.title ? el("legend", {}, part.title) : "", options);
}

function questions(card, message, disabled) {
  const parts = [];
  if (card.checkbox) parts.push(choices(card.checkbox, Number(card.checkbox.mode) === 1, `q${message.seq}`, disabled));
  for (const [i, part] of (card.select_list || []).entries()) parts.push(choices(part, false, `q${message.seq}-${i}`, disabled));
  if (card.button_selection) parts.push(choices(card.button_selection, false, `q${message.seq}-b`, disabled));
  return parts;
}

function pickedOn(node) {
  const picked = {};
  for (const set of node.querySelectorAll("fieldset[data-question]")) {
    const ids = [...set.querySelectorAll("input:checked")].map((input) => input.value);
    if (ids.length) picked[set.dataset.question] = ids;
  }
  return picked;
}

function buttons(card, message, userid, press) {
  const waiting = message.status === "处理中";
  const done = Boolean(message.replace_name);
  const list = (card.button_list || []).map((button) => ({ ...button, isUrl: Number(button.type) === 1 }));
  if (card.submit_button) list.push({ ...card.submit_button, style: 1 });
  if (!list.length) return "";
  if (done) return el("div", { class: "buttons" }, el("button", { class: "done", disabled: true, type: "button" }, message.replace_name));
  return el("div", { class: list.length > 3 ? "buttons many" : "buttons" }, list.map((button) => {
    const style = `style${Number(button.style) || 2}`;
    if (button.isUrl) return anchor(userid, button.url, { class: style }, button.text || "");
    const isPressed = waiting && message.pressed === button.key;
    return el("button", { class: style, type: "button", disabled: waiting,
      onclick: (event) => press(message, button.key, pickedOn(event.target.closest(".card"))) },
    isPressed ? "处理中…" : button.text || "");
  }));
}

function menu(card, message, press) {
  const actions = (card.action_menu && card.action_menu.action_list) || [];
  if (!actions.length) return "";
  return el("details", { class: "menu" }, el("summary", { "aria-label": card.action_menu.desc || "更多操作" }, "⋯"),
    el("div", {}, actions.map((action) => el("button", { type: "button", onclick: () => press(message, action.key, {}) }, action.text))));
}

function templateCard(card, message, userid, press) {
  const source = card.source || {};
  const title = card.main_title || {};
  const emphasis = card.emphasis_content;
  const quote = card.quote_area;
  const action = card.card_action || {};
  const image = card.card_image && isLink(card.card_image.url) ? el("img", { class: "cover", src: card.card_image.url, alt: "" }) : "";
  const disabled = Boolean(message.replace_name);
  return el("div", { class: "card" },
    source.desc || card.action_menu ? el("div", { class: "source" }, el("span", { class: `colour${Number(source.desc_color) || 0}` }, source.desc || ""), menu(card, message, press)) : "",
    image,
    anchor(userid, action.url, { class: "head" }, el("div", { class: "title" }, title.title || ""), title.desc ? el("div", { class: "desc" }, title.desc) : ""),
    emphasis ? el("div", { class: "emphasis" }, el("b", {}, emphasis.title || ""), el("span", {}, emphasis.desc || "")) : "",
    quote ? anchor(userid, quote.url, { class: "quote" }, quote.title ? el("b", {}, quote.title) : "", el("span", {}, quote.quote_text || "")) : "",
    card.sub_title_text ? el("div", { class: "sub" }, card.sub_title_text) : "",
    facts(card, userid),
    (card.vertical_content_list || []).map((row) => el("div", { class: "sub" }, el("b", {}, row.title || ""), " ", row.desc || "")),
    questions(card, message, disabled),
    (card.jump_list || []).map((jump) => anchor(userid, jump.url, { class: "jump" }, jump.title || "", el("span", {}, "›"))),
    buttons(card, message, userid, press),
    message.status && message.status !== "处理中" ? el("div", { class: "failed", role: "alert" }, message.status) : "");
}

function fileLink(content, kind) {
  const size = content.size ? `${Math.max(1, Math.round(content.size / 1024))} kB` : "";
  return el("a", { class: "file", href: `/sim/media/${encodeURIComponent(content.media_id)}` },
    el("span", { class: "icon", "aria-hidden": "true" }, kind === "video" ? "▶" : "文"),
    el("span", {}, el("b", {}, content.title || content.filename || (kind === "video" ? "视频" : "文件")), el("small", {}, size)));
}

function voice(content) {
  const seconds = content.seconds || Math.max(1, Math.round((content.size || 650) / 650));
  return el("div", { class: "bubble voice" }, el("div", { class: "wave", style: `width:${60 + Math.min(seconds, 40) * 3}px` },
    el("i", {}), el("i", {}), el("i", {}), el("span", {}, `${seconds}″`)), content.words ? el("small", {}, content.words) : "");
}

function place(content) {
  return el("div", { class: "place" }, el("b", {}, content.label || "位置"), el("small", {}, `${content.latitude}, ${content.longitude}`), el("div", { class: "map", "aria-hidden": "true" }, el("i", { class: "pin" })));
}

function news(content, userid) {
  const [first, ...rest] = content.articles || [];
  const cover = (article) => isLink(article.picurl) ? el("img", { src: article.picurl, alt: "" }) : "";
  return el("div", { class: "card news" },
    anchor(userid, first.url || first.content_source_url, { class: "lead" }, cover(first), el("div", { class: "title" }, first.title), first.description || first.digest ? el("div", { class: "desc" }, first.description || first.digest) : ""),
    rest.map((article) => anchor(userid, article.url || article.content_source_url, { class: "jump" }, article.title, cover(article))));
}

function notice(content) {
  return el("div", { class: "card" }, el("div", { class: "title" }, content.title), content.description ? el("div", { class: "gray" }, content.description) : "",
    el("div", { class: "facts" }, (content.content_item || []).map((row) => el("div", { class: "fact" }, el("span", { class: "name" }, row.key), el("span", { class: "value" }, row.value)))),
    el("div", { class: "more" }, "小程序", el("span", {}, "›")));
}

const DRAW = {
  template_card: (message, userid, press) => templateCard(message.content, message, userid, press),
  textcard: (message, userid) => textcard(message.content, userid),
  markdown: (message, userid) => markdown(message.content.content || "", userid),
  image: (message) => {
    const src = `/sim/media/${encodeURIComponent(message.content.media_id)}`;
    return el("a", { class: "picture", href: src, target: "_blank" }, el("img", { src, alt: "图片", loading: "lazy" }));
  },
  voice: (message) => voice(message.content),
  location: (message) => place(message.content),
  video: (message) => fileLink(message.content, "video"),
  file: (message) => fileLink(message.content, "file"),
  news: (message, userid) => news(message.content, userid),
  mpnews: (message, userid) => news(message.content, userid),
  miniprogram_notice: (message) => notice(message.content),
};

function drawContent(message, userid, press) {
  const draw = DRAW[message.kind];
  return draw ? draw(message, userid, press) : plainText(message.content.content || "", userid);
}
