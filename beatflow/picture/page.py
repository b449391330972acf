"""A picture as a page with a player: sounds lie inside, a line follows what is heard, a click goes there.

Where there are several sounds one is heard at a time, and another takes over at the same place.
"""

from base64 import b64encode
from collections.abc import Sequence

from beatflow.picture.document import write_document
from beatflow.picture.embedding import Clip
from beatflow.picture.figure import Figure
from beatflow.picture.layout import Size, lay_out
from beatflow.picture.svg import draw_svg, write_text


def write_page(figure: Figure, size: Size, clips: Sequence[Clip | None]) -> bytes:
    """Return a page.

    Parameters
    ----------
    figure : Figure
    size : Size
    clips : sequence of Clip or None
        One for each of the figure's sounds; None for one that is not to be heard.
    """
    scene = lay_out(figure, size)
    heard = [(number, clip) for number, clip in enumerate(clips) if clip]
    top = scene.strips[0].y if scene.strips else 0.0
    bottom = scene.strips[-1].y + scene.strips[-1].height if scene.strips else 0.0
    hits = "".join(
        f'<rect class="lane" data-sound="{-1 if strip.sound is None else strip.sound}" x="{scene.left:g}" '
        f'y="{strip.y:g}" width="{scene.span:g}" height="{strip.height:g}"/>'
        for strip in scene.strips
    )
    cursor = (
        f'<g class="cursor"><line y1="{top:g}" y2="{bottom:g}"/><path d="M-5,{top - 7:g}H5L0,{top:g}Z"/></g>'
        if heard and scene.strips
        else ""
    )
    picture = draw_svg(scene, None, extra=f"{hits}{cursor}")
    beat = figure.clock.beat_s
    data = (
        f'data-left="{scene.left:g}" data-width="{scene.span:g}" data-start="{figure.start_s:.6f}" '
        f'data-span="{figure.span_s:.6f}"'
        + (f' data-beat="{beat:.9f}" data-meter="{figure.clock.beats_per_bar}"' if beat else "")
    )
    heading = f"<h1>{write_text(figure.title)}</h1>"
    body = f'{heading}<div id="picture" {data}>{picture}</div>\n{_write_player(heard) if heard else ""}'
    return write_document(
        figure.title,
        body,
        style=STYLE,
        script=SCRIPT if heard else "",
        footer="made by bf plot",
        media=True,
    )


def _write_player(heard: Sequence[tuple[int, Clip]]) -> str:
    sounds = "".join(
        f'<audio data-sound="{number}" preload="auto" src="data:{clip.media_type};base64,'
        f'{b64encode(clip.data).decode()}"></audio>\n'
        for number, clip in heard
    )
    buttons = "".join(
        f'<button type="button" class="pick" data-sound="{number}"{_tell_key(place)}>'
        f"{write_text(clip.name)}</button>"
        for place, (number, clip) in enumerate(heard, 1)
    )
    picks = (
        f'<span class="picks" role="group" aria-label="which sound">{buttons}</span>'
        if len(heard) > 1
        else ""
    )
    return (
        '<div id="player"><button type="button" id="play" aria-label="play" title="space">'
        '<svg viewBox="0 0 24 24" aria-hidden="true"><path class="go" d="M7 4v16l13-8z"/>'
        '<path class="halt" d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg></button>'
        f'<span id="at">0:00.0</span>{picks}<label>volume <input id="volume" type="range" min="0" max="1" '
        f'step="0.01" value="1"></label></div>\n{sounds}'
    )


def _tell_key(place: int) -> str:
    """The key that chooses a sound, as what a button says when it is pointed at; there are nine."""
    return f' title="key {place}"' if place <= 9 else ""


STYLE = """
main{max-width:1440px;padding:14px 20px 0}
h1{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
#picture svg text{font-family:system-ui,-apple-system,"Segoe UI",sans-serif}
.lane{fill:transparent;cursor:pointer}
.cursor{visibility:hidden;pointer-events:none}.cursor line{stroke:var(--ink);stroke-width:1.4}
.cursor path{fill:var(--ink)}.live .cursor{visibility:visible}
#player{position:sticky;bottom:12px;display:flex;flex-wrap:wrap;align-items:center;gap:10px 16px;margin:8px 22px 14px;
padding:8px 14px;background:var(--panel);border:1px solid var(--line);border-radius:14px;
box-shadow:0 4px 16px var(--shade)}
#play{width:42px;height:42px;border:0;border-radius:50%;background:var(--wave);color:var(--paper);padding:9px;
cursor:pointer;flex:none}
#play svg{fill:currentColor}.halt{display:none}.playing .halt{display:inline}.playing .go{display:none}
#at{font-variant-numeric:tabular-nums;min-width:11em}
.picks{display:flex;flex-wrap:wrap;gap:6px;padding:5px;max-height:7.5em;overflow:auto}
.pick{font:inherit;font-size:13px;color:var(--ink);background:none;border:1px solid var(--line);border-radius:7px;
padding:3px 10px;cursor:pointer;overflow-wrap:anywhere}
.pick.on{background:var(--wave);border-color:var(--wave);color:var(--paper)}
#player label{margin-left:auto;color:var(--dim);font-size:13px;display:flex;align-items:center;gap:8px}
#player input{accent-color:var(--wave);width:110px}
button:focus-visible,input:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
@media print{#player{display:none}}
"""

SCRIPT = """
const sounds=new Map([...document.querySelectorAll("audio")].map(a=>[+a.dataset.sound,a]));
const frame=document.getElementById("picture"),player=document.getElementById("player");
const svg=frame.querySelector("svg"),cursor=frame.querySelector(".cursor"),at=document.getElementById("at");
const left=+frame.dataset.left,width=+frame.dataset.width,start=+frame.dataset.start,span=+frame.dataset.span;
const beat=+frame.dataset.beat,meter=+frame.dataset.meter;
let now=[...sounds.values()][0];
function show(){
 const s=now.currentTime,t=start+s;
 let said=Math.floor(t/60)+":"+(t%60).toFixed(1).padStart(4,"0");
 if(beat){const n=Math.floor(t/beat+1e-6);said+="  bar "+(Math.floor(n/meter)+1)+"."+(n%meter+1)}
 at.textContent=said;
 if(cursor)cursor.setAttribute("transform","translate("+(left+width*Math.min(s/span,1))+",0)");
}
function tick(){show();if(!now.paused)requestAnimationFrame(tick)}
function state(){player.classList.toggle("playing",!now.paused);
 document.getElementById("play").setAttribute("aria-label",now.paused?"play":"pause")}
function go(s){now.currentTime=Math.max(0,Math.min(s,now.duration||span));frame.classList.add("live");show()}
function toggle(){frame.classList.add("live");
 if(now.paused){if(now.ended)now.currentTime=0;now.play()}else now.pause()}
function pick(n){
 const next=sounds.get(n);if(!next)return;
 if(next!==now){
  const s=now.currentTime,running=!now.paused;now.pause();next.currentTime=Math.min(s,next.duration||s);
  now=next;if(running)now.play()}
 for(const b of document.querySelectorAll(".pick")){
  const on=+b.dataset.sound===n;b.classList.toggle("on",on);b.setAttribute("aria-pressed",on)}
 show();state()}
for(const a of sounds.values())for(const e of["play","pause","ended"])a.addEventListener(e,()=>{state();tick()});
document.getElementById("play").addEventListener("click",toggle);
document.getElementById("volume").addEventListener("input",e=>{for(const a of sounds.values())a.volume=e.target.value});
for(const b of document.querySelectorAll(".pick"))b.addEventListener("click",()=>pick(+b.dataset.sound));
svg.addEventListener("click",e=>{
 const lane=e.target.closest(".lane");if(!lane)return;
 const box=lane.getBoundingClientRect();pick(+lane.dataset.sound);go(span*(e.clientX-box.left)/box.width)});
document.addEventListener("keydown",e=>{
 if(e.ctrlKey||e.metaKey||e.altKey||e.target.tagName==="INPUT"&&e.key!==" ")return;
 if(e.key===" "){if(e.target.tagName!=="BUTTON"){toggle();e.preventDefault()}}
 else if(e.key==="ArrowLeft")go(now.currentTime-5);
 else if(e.key==="ArrowRight")go(now.currentTime+5);
 else if(e.key==="Home")go(0);
 else if(e.key>="1"&&e.key<="9"){const b=document.querySelectorAll(".pick")[+e.key-1];if(b)pick(+b.dataset.sound)}});
pick([...sounds.keys()][0]);
"""
