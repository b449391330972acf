"""How a diff's page looks beyond what all pages share, and the script that tells the time under the pointer.

Constants only.
"""

STYLE = """
:root{--old:#8a94a8;--new:#0d8f86;--rest:#d1495b;--mark:#e8a13a;--add:#3f9e5a;--gone:#d1495b;--fade:#8b6fd6;
--link:#0d8f8618}
@media (prefers-color-scheme:dark){:root{--old:#76819a;--new:#3fc7bb;--rest:#f0697c;--mark:#f0b04e;--add:#62c47f;
--gone:#f0697c;--fade:#a98ff0;--link:#3fc7bb1f}}
header h1 i{font-style:normal;color:var(--dim);font-weight:400}header .old{color:var(--dim)}
nav{display:flex;flex-wrap:wrap;gap:8px;margin-bottom:22px}
nav a{font-size:13px;color:var(--ink);text-decoration:none;background:var(--panel);border:1px solid var(--line);
border-left:3px solid var(--new);border-radius:7px;padding:3px 10px}
nav a.added{border-left-color:var(--add)}nav a.deleted{border-left-color:var(--gone)}
nav a:hover{border-color:var(--new)}
h2{font-size:19px;margin:0 0 8px;display:flex;align-items:baseline;gap:10px;flex-wrap:wrap}
h2 small{font-size:13px;font-weight:400;color:var(--dim);overflow-wrap:anywhere}
.badge{margin-left:auto;font-size:12px;font-weight:550;padding:1px 9px;border-radius:99px;border:1px solid var(--line);
color:var(--dim)}
.badge.added{color:var(--add)}.badge.deleted,.badge.problem,p.problem{color:var(--gone)}
.told{display:flex;flex-wrap:wrap;gap:8px 40px;justify-content:space-between;align-items:flex-start;margin-bottom:12px}
.told ul{list-style:none;margin:2px 0;padding:0;flex:1 1 320px;font-size:16px}
.told li{padding:3px 0 3px 16px;position:relative;overflow-wrap:anywhere}
.told li:before{content:"";position:absolute;left:0;top:12px;width:7px;height:7px;border-radius:2px;
background:var(--new)}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th{font-weight:400;color:var(--dim);text-align:left;padding:1px 18px 1px 0}td{padding:1px 18px 1px 0;color:var(--dim)}
tr.differs td:last-child{color:var(--ink);font-weight:600}
svg text{font:11px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--dim);font-variant-numeric:tabular-nums}
svg .lane{font-size:10.5px;paint-order:stroke;stroke:var(--panel);stroke-width:3px}
svg .scale{text-anchor:end;font-size:10px;fill:var(--ink);paint-order:stroke;stroke:var(--panel);stroke-width:3px}
.grid{stroke:var(--line);stroke-width:1}.zero{stroke:var(--dim);stroke-width:.7;opacity:.6}
.old.peak{fill:var(--old);opacity:.45}.old.body{fill:var(--old)}
.new.peak{fill:var(--new);opacity:.45}.new.body{fill:var(--new)}
.rest{fill:var(--rest);opacity:.6}.link{fill:var(--link);stroke:var(--link);stroke-width:1}
.mark{fill:var(--mark);fill-opacity:.22;stroke:var(--mark);stroke-opacity:.9}
.mark.inserted{fill:var(--add);stroke:var(--add)}.mark.deleted{fill:var(--gone);stroke:var(--gone)}
.mark.muted{fill:var(--old);stroke:var(--old)}.mark.fade{fill:var(--fade);stroke:var(--fade)}
.cursor{stroke:var(--ink);stroke-width:1;pointer-events:none;opacity:0}
svg.live .cursor{opacity:1}svg .at{fill:var(--ink);font-weight:600}
.curves{display:flex;flex-wrap:wrap;gap:20px;margin-top:16px}figure{margin:0;flex:1 1 380px;max-width:560px}
figcaption{font-size:13px;margin-bottom:6px}figcaption span{color:var(--dim)}
.curve{fill:none;stroke:var(--new);stroke-width:2.2;stroke-linejoin:round}.under{fill:var(--link)}
.slot{stroke:var(--line);stroke-width:5;stroke-linecap:round}.cap{fill:var(--dim)}.cap.moved{fill:var(--new)}
.cap.ghost{fill:none;stroke:var(--old);stroke-dasharray:3 2}.way{stroke:var(--new);stroke-width:2}
.notch{stroke:var(--panel);stroke-width:1.5}.name,.gain{text-anchor:middle}svg .name{font-size:12px;fill:var(--ink)}
svg .gain.moved{fill:var(--new);font-weight:650}
#mix p{color:var(--dim);margin:10px 0 0}
pre{font:12.5px/1.5 ui-monospace,Menlo,Consolas,monospace;background:var(--paper);border-radius:9px;padding:10px 14px;
overflow:auto;margin:0}
pre .plus{color:var(--add)}pre .minus{color:var(--gone)}pre .where{color:var(--dim)}
@media (max-width:640px){
svg.time .lane,svg.time .scale,svg.time .tick,svg.time .at{font-size:23px}.badge{margin-left:0}}
"""

SCRIPT = """
for(const svg of document.querySelectorAll("svg.time")){
 const line=svg.querySelector(".cursor"),text=svg.querySelector(".at");
 const span=+svg.dataset.span,beat=+svg.dataset.beat,meter=+svg.dataset.meter;
 svg.addEventListener("pointermove",e=>{
  const box=svg.getBoundingClientRect(),x=1200*(e.clientX-box.left)/box.width,s=span*x/1200;
  if(s<0||s>span)return;
  let said=Math.floor(s/60)+":"+(s%60).toFixed(3).padStart(6,"0");
  if(beat){const n=Math.floor(s/beat+1e-6);said+="  bar "+(Math.floor(n/meter)+1)+" beat "+(n%meter+1)}
  svg.classList.add("live");line.setAttribute("x1",x);line.setAttribute("x2",x);
  text.textContent=said;text.setAttribute("x",x>1000?x-6:x+6);
  text.setAttribute("text-anchor",x>1000?"end":"start");
 });
 svg.addEventListener("pointerleave",()=>{svg.classList.remove("live");text.textContent=""});
}
"""
