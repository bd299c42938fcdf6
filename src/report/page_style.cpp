#include "page_style.h"

namespace loopline::report::page {

// Series are the colours of Okabe and Ito, darker on white and lighter on black where the originals
// fade; their order keeps neighbours apart for colour-blind readers.
const char* const kStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1d22; --quiet: #62666f; --line: #dfe1e5; --wash: #f5f6f8;
  --link: #0b5cad; --notice: #fdf3dc; --notice-line: #d9a21b;
  --series-0: #0072b2; --series-1: #d55e00; --series-2: #008f68; --series-3: #b8629b;
  --series-4: #c98a00; --series-5: #3d9fd6; --series-6: #7d7000; --series-7: #6b6f78;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --ink: #e6e7ea; --quiet: #9a9fa9; --line: #31353c; --wash: #1c1f25;
    --link: #7db7f0; --notice: #2e2713; --notice-line: #a67c16;
    --series-0: #4aa3e0; --series-1: #f08242; --series-2: #2fc094; --series-3: #dd92c2;
    --series-4: #eab646; --series-5: #93d2f7; --series-6: #d3c84a; --series-7: #a3a8b3;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; padding: 3.5rem 2rem 6rem; max-width: 84rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans",
    sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
}
h1 { margin: 0 0 1.2rem; font-size: 2.1rem; line-height: 1.15; letter-spacing: -.015em; }
h2 { margin: 0 0 .9rem; font-size: 1.3rem; line-height: 1.25; letter-spacing: -.005em; }
h3 { margin: 2rem 0 .6rem; font-size: 1rem; }
h4 { margin: 1.2rem 0 .4rem; font-size: .9rem; color: var(--quiet); }
h1, h2, h3, h4, strong { font-weight: 650; overflow-wrap: anywhere; }
p { margin: 0 0 .9rem; max-width: 44rem; }
section > p { color: var(--quiet); }
section { margin-top: 3.6rem; padding-top: 1.4rem; border-top: 1px solid var(--line); }
a { color: var(--link); text-underline-offset: .18em; }
code, pre { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono",
  monospace; }
pre { margin: 0 0 1.4rem; padding: .8rem 1rem; background: var(--wash); border-radius: .4rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }
.ci { font-size: .75rem; }
.gain { margin-top: .25rem; font-size: .8rem; color: var(--quiet); }
.gain .ci { font-size: .7rem; }
.quiet { color: var(--quiet); }

.findings { max-width: 50rem; }
.findings p { max-width: none; margin-bottom: .7rem; font-size: 1.08rem; }
.findings p:first-child { font-size: 1.35rem; line-height: 1.4; }
.facts { margin: 1.6rem 0 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap;
  gap: .3rem 2rem; font-size: .9rem; color: var(--quiet); }
.facts b { font-weight: 600; color: var(--ink); }
.notice { max-width: 50rem; margin: 1.8rem 0 0; padding: .8rem 1.1rem; color: var(--ink);
  background: var(--notice); border-left: 3px solid var(--notice-line); border-radius: .2rem; }
.notice p { margin: 0; } .notice ul + p { margin-top: .8rem; } .notice ul { margin: .2rem 0 0; padding-left: 1.2rem; }
nav { margin-top: 2rem; font-size: .9rem; }
nav ul { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }

.scroll { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.35; }
th, td { padding: .5rem .6rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { vertical-align: bottom; font-size: .8rem; font-weight: 500; color: var(--quiet);
  white-space: normal; min-width: 4.2rem; border-bottom-color: var(--quiet); overflow-wrap: normal;
  hyphens: manual; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: 400; overflow-wrap: anywhere; position: sticky; left: 0; background: var(--paper); white-space: normal; max-width: 15rem;
  min-width: 8.5rem; }
tr.base th, tr.base td { color: var(--quiet); background: var(--wash); }
tr.base th { padding-left: .4rem; }
td.none { color: var(--quiet); }
td.bar { padding: .3rem .4rem; } td.bar svg { display: block; }
.ends { display: flex; justify-content: space-between; width: 132px; }
thead th:has(.ends) { padding: .5rem .4rem; }
td.word, th.word { text-align: left; white-space: normal; }
td.word { min-width: 6rem; max-width: 26rem; overflow-wrap: anywhere; }
.alarm { display: block; margin-top: .2rem; padding-left: .4rem; color: var(--ink);
  border-left: 3px solid var(--notice-line); }

.ink { --own: var(--quiet); }
.s0 { --own: var(--series-0); } .s1 { --own: var(--series-1); }
.s2 { --own: var(--series-2); } .s3 { --own: var(--series-3); }
.s4 { --own: var(--series-4); } .s5 { --own: var(--series-5); }
.s6 { --own: var(--series-6); } .s7 { --own: var(--series-7); }
.key { display: inline-block; width: .65em; height: .65em; margin-right: .45em; border-radius: 50%;
  background: var(--own); print-color-adjust: exact; }
.key.again { background: none; border: 2px solid var(--own); }
.dot line { stroke: var(--own); stroke-width: 2; }
.dot circle { fill: var(--own); }
.dot.again circle { fill: var(--paper); stroke: var(--own); stroke-width: 2; }
.dot .axis { stroke: var(--line); stroke-width: 1; }
.dot .mark { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 2; }
.pair { display: inline-block; }
.verdict { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .8rem;
  border: 1px solid var(--line); white-space: nowrap; color: var(--quiet); }
.verdict.shown { background: var(--ink); border-color: var(--ink); color: var(--paper);
  print-color-adjust: exact; }
.verdict.suggested { border-color: var(--ink); color: var(--ink); }

.axes > span { margin-right: .6rem; font-size: .9rem; }
.axes input { position: absolute; opacity: 0; }
.axes label { display: inline-block; padding: .15rem .8rem; margin-right: .35rem; font-size: .9rem;
  border: 1px solid var(--line); border-radius: 1rem; cursor: pointer; }
.axes input:checked + label { background: var(--ink); border-color: var(--ink); color: var(--paper); }
.axes input:focus-visible + label { outline: 2px solid var(--link); outline-offset: 2px; }
.legend { position: sticky; top: 0; z-index: 1; margin: 1rem 0 0; padding: .5rem 0; list-style: none;
  display: flex; flex-wrap: wrap; gap: .15rem 1.5rem; font-size: .85rem; line-height: 1.45;
  background: var(--paper); border-bottom: 1px solid var(--line); }
.legend li { display: flex; align-items: center; min-width: 0; } .legend bdi { overflow-wrap: anywhere; }
.stroke { flex: none; margin-right: .5rem; } .stroke line { stroke: var(--own); stroke-width: 2.5; }
.stroke.again line { stroke-dasharray: 10 3; }
.stroke.level line { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 3.5 5.6; }
.stroke.dotted line { stroke-dasharray: 5.6 2.8 1.4 2.8; }
.plots { display: grid; gap: 1.2rem 2.5rem; margin-top: 1.4rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.plots > figure { margin: 0; max-width: 40rem; }
.plots > figure > div { display: none; }
#axis-images:checked ~ .plots .by-images, #axis-updates:checked ~ .plots .by-updates,
#axis-seconds:checked ~ .plots .by-seconds { display: block; }
.plot { display: block; height: auto; font-family: inherit; color: var(--ink); }

img { display: block; height: auto; background: var(--wash); }
img.small { image-rendering: pixelated; }
.walls { display: flex; flex-wrap: wrap; gap: 2rem 2.3rem; margin-top: 1.6rem; }
.walls .scroll { margin: 0; max-width: 100%; }
.wall th, .wall td { padding: .125rem; border: 0; text-align: left; vertical-align: middle; }
.wall thead th { min-width: 0; font-size: .75rem; padding-bottom: .3rem; }
.wall tbody th { width: 7.5rem; min-width: 7.5rem; max-width: 7.5rem; padding: 0 .6rem 0 0;
  font-size: .8rem; line-height: 1.3; }
.wall thead th:first-child { padding-left: 0; }
.wall caption { padding-bottom: .35rem; font-size: .95rem; font-weight: 600; text-align: left; }
.wall img, .gallery img { border-radius: 3px; }
.gallery { display: grid; gap: 1.4rem 1.25rem;
  grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr)); }
.gallery figure { margin: 0; max-width: 10rem; }
figcaption { margin-top: .4rem; font-size: .85rem; line-height: 1.35; overflow-wrap: anywhere; }
.scores { display: grid; grid-template-columns: auto auto; justify-content: space-between;
  gap: 0 .5rem; max-width: 8.25rem; margin-top: .25rem; padding-top: .25rem; font-size: .72rem;
  border-top: 1px solid var(--line); }
.scores b { font-weight: 400; color: var(--ink); text-align: right; }
.wall tbody bdi:only-child, figcaption bdi { display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 5; overflow: hidden; }

.tuned { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .5rem 1.6rem; }
.tuned span { margin-left: .6rem; } .tuned .chosen { font-weight: 650; }
dl { margin: 0; display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.6rem; }
dt { font-weight: 600; } dd { margin: 0; max-width: 44rem; color: var(--quiet); }
dt, dd { min-width: 0; overflow-wrap: anywhere; }
.terms { gap: .9rem 1.6rem; grid-template-columns: minmax(8rem, 14rem) 1fr; }
.terms .ci { display: inline; }

@media (max-width: 40rem) {
  body { padding: 1.8rem 1rem 4rem; }
  h1 { font-size: 1.6rem; } .findings p:first-child { font-size: 1.15rem; }
  section { margin-top: 2.4rem; }
  tbody th { max-width: 8.5rem; min-width: 6rem; }
  .wall tbody th { width: 6.5rem; min-width: 6.5rem; max-width: 6.5rem; }
  .legend { position: static; }
  dl, .terms { grid-template-columns: 1fr; gap: .1rem; } dd { margin-bottom: .8rem; }
}
@media print {
  @page { size: A4 landscape; margin: 14mm; }
  :root {
    --paper: #fff; --ink: #000; --quiet: #4a4d54; --line: #c9ccd1; --wash: #f3f4f6;
    --series-0: #0072b2; --series-1: #d55e00; --series-2: #008f68; --series-3: #b8629b;
    --series-4: #c98a00; --series-5: #3d9fd6; --series-6: #7d7000; --series-7: #6b6f78;
  }
  html { font-size: 11px; }
  body { padding: 0; max-width: none; }
  nav, .axes > span, .axes > label, .axes > input { display: none; }
  section { margin-top: 2rem; } h2, h3, h4, thead { break-after: avoid; }
  tr, figure, .notice { break-inside: avoid; }
  .scroll { overflow: visible; break-inside: avoid; } p { break-inside: avoid; }
  section > p:not(.quiet) { break-after: avoid; }
  tbody th { position: static; }
  th, td { padding: .35rem .45rem; }
  .plots { grid-template-columns: 1fr 1fr; }
  .legend { position: static; } .walls { gap: 6mm 8mm; } .wall th, .wall td { padding: 1px; }
}
)css";

}  // namespace loopline::report::page
