/* Makes a sheet easier on a phone: drafts, photographs sent as soon as chosen, a submit that survives an outage.
   Without it every sheet works as a plain form. Old engines: no syntax newer than ES5. */
(function () {
  "use strict";
  var form = document.querySelector("form.sheet");
  if (!form || !window.FormData || !window.XMLHttpRequest) return;
  document.documentElement.className = "scripted";
  var SAVE_MS = 400, KEEP_DAYS = 30, WAIT_MS = 60000, UPLOAD_MS = 300000, THUMB = 128;
  // Numbers of people never stay on the phone, not even where a clerk typed one into his own words.
  var NUMBERS = /(^|[^0-9])(1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}|[0-9]{17}[0-9Xx])(?![0-9])/g;
  var name = form.getAttribute("data-draft"), locked = form.hasAttribute("data-locked");
  var saved = document.getElementById("saved"), go = document.getElementById("go");
  var timer = null, done = false, queue = [], sending = null, pressed = null;

  function store() { try { return window.localStorage; } catch (refused) { return null; } }

  function read() {
    try { return JSON.parse(store().getItem(name)); } catch (broken) { return null; }
  }

  function forget() { try { store().removeItem(name); } catch (refused) { /* nothing was kept */ } }

  function sweep() {
    var kept = store(), index, key, at;
    for (index = kept ? kept.length - 1 : -1; index >= 0; index -= 1) {
      key = kept.key(index);
      if (!key || key.indexOf("h5:") !== 0) continue;
      try { at = JSON.parse(kept.getItem(key)).at; } catch (broken) { at = 0; }
      if (new Date().getTime() - at > KEEP_DAYS * 86400000) kept.removeItem(key);
    }
  }

  function typed(field) {
    return field.name && ["csrf", "round", "chosen"].indexOf(field.name) < 0 &&
      ["file", "submit", "button"].indexOf(field.type) < 0 && field.tagName !== "BUTTON";
  }

  function save() {
    if (locked || done) return;
    var words = {}, hasWords = false, index, field;
    for (index = 0; index < form.elements.length; index += 1) {
      field = form.elements[index];
      if (!typed(field) || ((field.type === "radio" || field.type === "checkbox") && !field.checked)) continue;
      words[field.name] = field.name === "recording" ? field.value : field.value.replace(NUMBERS, "$1〔号码未保存〕");
      if (field.name !== "key" && field.value) hasWords = true;
    }
    if (!hasWords) { forget(); return; }
    try { store().setItem(name, JSON.stringify({ at: new Date().getTime(), words: words })); } catch (full) { /* the page still holds them */ }
  }

  function two(number) { return (number < 10 ? "0" : "") + number; }

  function restore() {
    var kept = read(), index, field, at;
    if (!kept || !kept.words) return;
    for (index = 0; index < form.elements.length; index += 1) {
      field = form.elements[index];
      if (!(field.name in kept.words) || !typed(field)) continue;
      if (field.type === "radio" || field.type === "checkbox") field.checked = field.value === kept.words[field.name];
      else field.value = kept.words[field.name];
    }
    if (locked) { document.getElementById("words").hidden = !kept.words.remark; return; }
    at = new Date(kept.at);
    tellIn(document.getElementById("restored"), "已恢复 " + (at.getMonth() + 1) + "月" + at.getDate() + "日 " + two(at.getHours()) + ":" + two(at.getMinutes()) +
      " 保存的内容。", "清空重写", function () { forget(); done = true; location.reload(); });
  }

  function offline() { return navigator.onLine === false; }

  function say(words) { tellIn(saved, words); }

  function tellIn(line, words, label, act) {
    if (!line) return;
    line.textContent = words;
    line.hidden = false;
    if (label) line.appendChild(button(label, act));
  }

  function button(label, act) {
    var made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  }

  /* The answer is the same page a plain form would get; ``then`` is given its document, or null when none came. */
  function post(body, wait, then, progress) {
    var call = new XMLHttpRequest();
    call.open("POST", form.getAttribute("action"));
    call.timeout = wait;
    if (progress) call.upload.onprogress = progress;
    call.onload = function () {
      var page = call.status ? new DOMParser().parseFromString(call.responseText, "text/html") : null;
      then(page, call);
    };
    call.onerror = call.ontimeout = call.onabort = function () { then(null, call); };
    call.send(body);
    return call;
  }

  function path(address) { var link = document.createElement("a"); link.href = address; return link.pathname; }

  function submit(event) {
    var by = event.submitter || pressed, act = by && by.name ? by : null, body, label = go.textContent;
    pressed = null;
    event.preventDefault();
    if (act && act.name === "drop") { drop(act); return; }
    if (!act && (sending || queue.length)) { say("照片还没有传完，传完后请再按一次提交。"); return; }
    save();
    if (!act && unsent()) {
      say(offline() ? "网络已断开，内容都已保存在本机，照片还没有传上去。恢复后会自动再传，传完后请再按一次提交。"
        : "有照片没有传上去，请重传或删去后再按一次提交。");
      return;
    }
    body = plain();
    if (act) body.append(act.name, act.value);
    else go.textContent = "正在提交…";
    go.disabled = true;
    post(body, WAIT_MS, function (page, call) {
      go.disabled = false;
      go.textContent = label;
      if (!page) {
        say(offline() ? "网络已断开，内容都已保存在本机。恢复后请再按一次「" + label + "」，不会重复提交。"
          : "没有收到答复，内容都已保存在本机。请稍后再按一次「" + label + "」，不会重复提交。");
        return;
      }
      if (call.responseURL && path(call.responseURL) !== path(form.getAttribute("action"))) {
        done = true;
        forget();
        location.replace(call.responseURL);
        return;
      }
      swap(page);
    });
  }

  /* What the form says, without the files: those were sent when they were chosen. */
  function plain() {
    var body = new FormData(), index, field;
    for (index = 0; index < form.elements.length; index += 1) {
      field = form.elements[index];
      if (!field.name || field.type === "file" || field.tagName === "BUTTON" || field.disabled) continue;
      if ((field.type === "radio" || field.type === "checkbox") && !field.checked) continue;
      body.append(field.name, field.value);
    }
    return body;
  }

  function swap(page) {
    var now = document.getElementById("main"), next = page.getElementById("main"), wrong;
    if (!next) { say("没有办成，内容都已保存在本机，请稍后再试。"); return; }
    now.parentNode.replaceChild(document.importNode(next, true), now);
    form = document.querySelector("form.sheet");
    wrong = document.getElementById("wrong") || document.querySelector("[role=alert]");
    if (form) begin(); else done = true;
    if (wrong) { wrong.scrollIntoView(); wrong.tabIndex = -1; wrong.focus(); }
  }

  /* Photographs. */
  function chosen() { return document.getElementById("chosen"); }

  /* Whether a photograph is still on the phone alone: the sheet must not go without it. */
  function unsent() { return Boolean(chosen() && chosen().querySelector("li.failed:not([data-id])")); }

  function pick(event) {
    var input = event.target, index;
    for (index = 0; index < input.files.length; index += 1) add(input.files[index]);
    input.value = "";
    next();
  }

  function add(file) {
    var line = document.createElement("li"), words = document.createElement("span"), thumb = document.createElement("span");
    thumb.className = "thumb";
    words.className = "name";
    line.appendChild(thumb);
    line.appendChild(words);
    chosen().appendChild(line);
    preview(file, thumb);
    queue.push({ file: file, line: line, words: words, thumb: thumb });
    tell(queue[queue.length - 1], "等待上传");
  }

  function tell(one, words, retry) {
    var small = document.createElement("small"), old;
    one.words.textContent = one.file.name;
    small.textContent = words;
    one.words.appendChild(small);
    one.line.className = retry ? "failed" : "";
    while ((old = one.line.querySelector("button"))) old.parentNode.removeChild(old);
    if (retry) one.line.appendChild(button("重传", function () { tell(one, "等待上传"); queue.push(one); next(); }));
    one.line.appendChild(button("删去", function () { take(one); }));
  }

  function take(one) {
    var at = queue.indexOf(one);
    if (at >= 0) queue.splice(at, 1);
    one.gone = true;
    if (sending === one && one.call) one.call.abort();
    if (one.line.parentNode) one.line.parentNode.removeChild(one.line);
  }

  function next() {
    if (sending || !queue.length) return;
    var one = sending = queue.shift(), body = new FormData(), bar = document.createElement("progress");
    body.append("csrf", form.elements.csrf.value);
    body.append("add", "1");
    body.append("files", one.file, one.file.name);
    tell(one, "正在上传");
    bar.max = 100;
    bar.value = 0;
    bar.setAttribute("aria-label", "上传进度");
    one.words.appendChild(bar);
    one.call = post(body, UPLOAD_MS, function (page, call) {
      var wrong = page && (page.getElementById("wrong") || page.querySelector("[role=alert]")), list = page && page.getElementById("chosen");
      sending = null;
      if (one.gone) { if (list) newest(list, null); next(); return; }
      if (list && call.status === 200) newest(list, one);
      else tell(one, wrong ? wrong.textContent : offline() ? "没有传上去，网络恢复后会自动再传" : "没有传上去，请重传", true);
      if (page || !offline()) next();
    }, function (event) { if (event.lengthComputable) bar.value = Math.round(100 * event.loaded / event.total); });
  }

  /* The server's list has one line more: it takes the place of the line that was on its way. */
  function newest(list, one) {
    var lines = list.querySelectorAll("li[data-id]"), index, id, line;
    for (index = 0; index < lines.length; index += 1) {
      id = lines[index].getAttribute("data-id");
      if (chosen().querySelector('li[data-id="' + id + '"]')) continue;
      line = document.importNode(lines[index], true);
      if (!one) { chosen().appendChild(line); continue; }
      line.replaceChild(one.thumb, line.querySelector(".thumb"));
      chosen().replaceChild(line, one.line);
      one = null;
    }
    if (one) take(one);
  }

  function drop(pressed) {
    var body = new FormData(), line = pressed.parentNode;
    body.append("csrf", form.elements.csrf.value);
    body.append("drop", pressed.value);
    pressed.disabled = true;
    post(body, WAIT_MS, function (page, call) {
      pressed.disabled = false;
      if (page && call.status === 200) line.parentNode.removeChild(line);
      else say("没有删掉，请检查网络后再试。");
    });
  }

  function preview(file, thumb) {
    if (!/^image\//.test(file.type) || !window.FileReader) { thumb.setAttribute("data-kind", "file"); return; }
    var reader = new FileReader();
    reader.onload = function () {
      var image = new Image();
      image.onload = function () {
        var canvas = document.createElement("canvas"), side = Math.min(image.width, image.height);
        canvas.width = canvas.height = THUMB;
        canvas.getContext("2d").drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, THUMB, THUMB);
        thumb.appendChild(canvas);
      };
      image.src = reader.result;
    };
    reader.readAsDataURL(file);
  }

  function extension() {
    var told = document.getElementById("told"), days = document.getElementById("days");
    if (!told || !days) return;
    var draw = function () {
      var option = days.options[days.selectedIndex], words = option && option.getAttribute("data-told");
      if (words) told.textContent = words.replace(told.getAttribute("data-mark"), form.elements.remark.value || told.getAttribute("data-mark"));
    };
    days.addEventListener("change", draw);
    form.elements.remark.addEventListener("input", draw);
    draw();
  }

  function begin() {
    name = form.getAttribute("data-draft");
    locked = form.hasAttribute("data-locked");
    saved = document.getElementById("saved");
    go = document.getElementById("go");
    if (form.hasAttribute("data-kept") && !locked) save(); else restore();
    if (locked) return;
    form.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(save, SAVE_MS); });
    form.addEventListener("change", function (event) { if (event.target.type === "file") pick(event); else save(); });
    form.addEventListener("click", function (event) { pressed = event.target.type === "submit" ? event.target : null; });
    form.addEventListener("submit", submit);
    extension();
  }

  window.addEventListener("offline", function () { say("网络已断开，写的内容会保存在本机。"); });
  window.addEventListener("online", function () {
    var again = document.querySelectorAll("#chosen .failed button"), index;
    for (index = 0; index < again.length; index += 1) if (again[index].textContent === "重传") again[index].click();
    say("网络已恢复，可以继续提交。");
  });
  window.addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", save);
  sweep();
  begin();
})();
