// Draws the two charts of the overview from the figures in #chart-data; redraws when the live part is swapped.
(function () {
  "use strict";
  if (!window.echarts) return;
  document.documentElement.classList.add("drawn");
  var charts = {};
  var text = { color: "#5b6676", fontFamily: "inherit" };
  var grid = { left: 8, right: 12, top: 36, bottom: 4, containLabel: true };

  function show(id, option) {
    var place = document.getElementById(id);
    if (!place) return;
    charts[id] = charts[id] || window.echarts.init(place);
    charts[id].setOption(option);
  }

  function bars(told) {
    var narrow = window.innerWidth < 600;
    show("bars", {
      animation: false,
      color: ["#2f6db5", "#7fb2a0"],
      textStyle: text,
      grid: grid,
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 12 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "category", data: told.units, axisLabel: { interval: 0, rotate: narrow ? 45 : 0 }, axisTick: { show: false } },
      yAxis: { type: "value", min: 0, max: 100, splitLine: { lineStyle: { color: "#e6ebf1" } } },
      series: told.series.map(function (one) {
        return { name: one.name, type: "bar", barMaxWidth: 22, data: one.values, itemStyle: { borderRadius: [3, 3, 0, 0] } };
      }),
    });
  }

  function daily(told) {
    function line(name, data, color) {
      return { name: name, type: "line", data: data, smooth: true, symbolSize: 5, color: color, areaStyle: { opacity: 0.08 } };
    }
    show("daily", {
      animation: false,
      textStyle: text,
      grid: grid,
      legend: { top: 0, left: 0 },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "category", data: told.days, boundaryGap: false },
      yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: "#e6ebf1" } } },
      series: [line("采纳", told.accepted, "#2f6db5"), line("差评", told.bad, "#c2413b")],
    });
  }

  function draw() {
    var data = document.getElementById("chart-data");
    if (!data) return;
    bars(JSON.parse(data.dataset.bars));
    var lines = JSON.parse(data.dataset.daily);
    if (lines) daily(lines);
  }

  draw();
  document.body.addEventListener("htmx:afterSwap", draw);
  window.addEventListener("resize", function () {
    Object.keys(charts).forEach(function (id) { charts[id].resize(); });
  });
})();
