// Draws the two charts of the overview from the figures in #chart-data; redraws when the live part is swapped.
(function () {
  "use strict";
  if (!window.echarts) return;
  document.documentElement.classList.add("drawn");
  var charts = {};
  var text = { color: "#5b6676", fontFamily: "inherit" };
  var grid = { left: 8, right: 40, top: 36, bottom: 4, containLabel: true };

  function show(id, option) {
    var place = document.getElementById(id);
    if (!place) return;
    charts[id] = charts[id] || window.echarts.init(place);
    charts[id].setOption(option);
  }

  function bars(told) {
    var place = document.getElementById("bars");
    if (!place) return;
    place.hidden = !told.units.length;
    document.getElementById("bars-none").hidden = !place.hidden;
    document.getElementById("bars-more").textContent = told.left_out ? "，另有 " + told.left_out + " 个单位见上表" : "";
    if (place.hidden) return;
    place.style.minHeight = Math.max(260, 64 + 40 * told.units.length) + "px"; // room for every unit's two bars
    show("bars", {
      animation: false,
      color: ["#2f6db5", "#3f9178"],
      textStyle: text,
      grid: grid,
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 12 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "value", min: 0, max: 100, splitLine: { lineStyle: { color: "#e6ebf1" } } },
      yAxis: { type: "category", inverse: true, data: told.units, axisLabel: { interval: 0 }, axisTick: { show: false } },
      series: told.series.map(function (one) {
        return { name: one.name, type: "bar", barMaxWidth: 12, data: one.values, label: { show: true, position: "right", color: text.color, fontSize: 11 }, itemStyle: { borderRadius: [0, 3, 3, 0] } };
      }),
    });
  }

  function daily(told) {
    function line(name, data, color) {
      return { name: name, type: "line", data: data, symbolSize: 5, color: color, areaStyle: { opacity: 0.08 } };
    }
    show("daily", {
      animation: false,
      textStyle: text,
      grid: grid,
      legend: { top: 0, left: 0 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "category", data: told.days, boundaryGap: false },
      yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: "#e6ebf1" } } },
      series: [line("评价", told.ratings, "#2f6db5"), line("差评", told.bad, "#c2413b"), line("12345等工单", told.orders, "#8a6d1f")].filter(function (one) {
        return one.name !== "12345等工单" || one.data.some(Boolean); // no line of noughts where no hotline is connected
      }),
    });
  }

  function draw() {
    var data = document.getElementById("chart-data");
    if (!data) return;
    bars(JSON.parse(data.dataset.bars));
    var lines = JSON.parse(data.dataset.daily);
    if (lines) daily(lines);
    resize();
  }

  function resize() {
    Object.keys(charts).forEach(function (id) { charts[id].resize(); });
  }

  draw();
  document.body.addEventListener("htmx:afterSwap", draw);
  window.addEventListener("resize", resize);
})();
