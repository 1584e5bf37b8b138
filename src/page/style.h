// How a page of ours looks: light, dark and on paper, from a phone to a wide screen.
#pragma once

namespace mohona {

constexpr const char* page_style = R"(
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --text: #1b1b1a; --quiet: #5d5c57; --grid: #e4e3de;
  --base: #a9a8a1; --edge: #e0dfd9; --mark: #e6f0fb;
  --series-0: #2a78d6; --series-1: #d9622b; --series-2: #128a5f; --series-3: #b27f00;
  --series-4: #6a52c4; --series-5: #c2447f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #161615; --card: #1f1f1e; --text: #f2f1ec; --quiet: #b4b2a9; --grid: #343431;
    --base: #77766f; --edge: #343431; --mark: #1d3550;
    --series-0: #5b9fee; --series-1: #ee8656; --series-2: #3dbb8c; --series-3: #d9a832;
    --series-4: #a594f0; --series-5: #e57bab;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 40px;
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
header, footer, figure:first-of-type, figure.whole { grid-column: 1 / -1; }
.pair { display: grid; gap: 8px 24px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.pair > div { min-width: 0; }
.pair th, .pair td { padding: 5px; font-size: .88rem; }
.pair tbody th { min-width: 4.5em; white-space: nowrap; }
.alone { max-width: 760px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 8px; text-wrap: balance; }
h2 { font-size: 1.1rem; line-height: 1.3; margin: 0; }
.verdict { font-size: 1.1rem; margin: 0 0 12px; max-width: 60em; }
.warning { margin: 0 0 8px; padding: 6px 10px; background: var(--mark); border-radius: 6px; }
dl { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 0; color: var(--quiet); }
dl div { display: flex; gap: 6px; }
dt::after { content: ":"; }
dd { margin: 0; color: var(--text); overflow-wrap: anywhere; }
figure { margin: 0; padding: 16px; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; min-width: 0; }
figcaption p { margin: 2px 0 8px; color: var(--quiet); font-size: .92rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; border-top: 1px solid var(--grid); text-align: right; white-space: nowrap; }
thead th { border-top: 0; }
tbody th { text-align: left; font-weight: 400; white-space: normal; min-width: 11em; }
thead th:first-child { text-align: left; }
td.words, th.words { text-align: left; }
td.best { background: var(--mark); font-weight: 650; }
details { margin-top: 10px; font-size: .92rem; }
summary { cursor: pointer; color: var(--quiet); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0 0 4px;
  padding: 0; font-size: .92rem; }
.legend li { display: flex; align-items: center; gap: 6px; }
svg { display: block; width: 100%; height: auto; }
svg.sample { width: 30px; height: 14px; flex: none; }
svg text { fill: var(--quiet); font-size: 17px; }
svg text.axis { fill: var(--text); }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.area { opacity: .8; }
.range { stroke: var(--series-0); stroke-width: 5; stroke-linecap: round; opacity: .55; }
.dot { fill: var(--series-0); }
.grid { stroke: var(--grid); }
.base { stroke: var(--base); }
.ceiling { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 6 4; }
footer { color: var(--quiet); font-size: .85rem; }
@media (max-width: 560px) {
  main { padding: 16px 8px 24px; gap: 10px; }
  figure { padding: 12px 10px; }
  svg text { font-size: 21px; }
  th, td { padding: 5px 6px; font-size: .9rem; }
  tbody th { min-width: 8em; }
}
@media print {
  :root {
    --page: #fff; --card: #fff; --text: #000; --quiet: #333; --grid: #ddd; --base: #888; --edge: #bbb;
    --mark: #eee;
    --series-0: #2a78d6; --series-1: #d9622b; --series-2: #128a5f; --series-3: #b27f00;
    --series-4: #6a52c4; --series-5: #c2447f;
  }
  body { font-size: 11pt; }
  header { margin-bottom: 10px; }
  main { display: block; max-width: none; padding: 0; orphans: 1; widows: 1; }
  figure { break-inside: avoid; margin-bottom: 10px; border-radius: 0; }
  figure:not(:first-of-type) { display: inline-block; width: 49%; vertical-align: top; }
  svg text { font-size: 21px; }
  details:not([open]) { display: none; }
  .area, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

}  // namespace mohona
