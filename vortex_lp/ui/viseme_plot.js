// The viseme plot. In scope: element, trigger, props, watch, and player_link.js before this.
// `props.value` is {duration_s, fps, channels: [{name, label, values}], phones: [[start, stop, name]]}
// or null; `props.bands` are the clips: [{start_s, stop_s, label, colour}].
const $ = (query) => element.querySelector(query);
const stage = $('.vp-stage'), canvas = $('.vp-canvas'), over = $('.vp-over');
const PHONES_PX = 24, BANDS_PX = 20, RULER_PX = 20, FIRST_WINDOW_S = 12, MIN_WINDOW_S = 0.5, EDGE_PX = 10;
const COLOURS = { jaw_open: '--vx-jaw', lip_width: '--vx-width', lip_rounding: '--vx-round', wanted: '--vx-wanted', measured: '--vx-measured' };

let data = null, from = 0, span = 1, now = 0;
const hidden = new Set();
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const duration = () => (data ? data.duration_s : 0);
const px = () => (stage.clientWidth - 2 * EDGE_PX) / span;
const xAt = (time) => EDGE_PX + (time - from) * px();
const bands = () => (props.bands || []).filter((band) => band.start_s < duration());
const shown = () => data.channels.filter((c) => !hidden.has(c.name));

function load() {
  const value = props.value;
  data = value && value.channels && value.channels.length ? value : null;
  span = data ? Math.min(FIRST_WINDOW_S, duration()) : 1;
  from = 0;
  now = clamp(player ? player.currentTime : 0, 0, duration());
  legend();
  paint();
}
function legend() {
  $('.vp-legend').replaceChildren(...(data ? data.channels : []).map((channel) => {
    const button = document.createElement('button'), line = document.createElement('i');
    button.type = 'button';
    button.dataset.curve = channel.name;
    button.setAttribute('aria-pressed', String(!hidden.has(channel.name)));
    button.style.setProperty('--curve', `var(${COLOURS[channel.name] || '--color-accent'})`);
    if (channel.name === 'measured') line.className = 'vp-dash';
    button.append(line, channel.label);
    return button;
  }));
}
function phoneAt(time) {
  const phones = data.phones;
  let low = 0, high = phones.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (time < phones[middle][0]) high = middle - 1; else if (time >= phones[middle][1]) low = middle + 1; else return phones[middle][2];
  }
  return '';
}
function paint() {
  $('.vp-empty').hidden = !!data;
  for (const button of element.querySelectorAll('[data-do]')) button.disabled = !data;
  $('.vp-bar').hidden = !data;
  over.hidden = !data || span >= duration() - 1e-6;
  const width = stage.clientWidth, height = stage.clientHeight;
  if (!width) return;
  const pen = fitCanvas(canvas, width, height);
  $('.vp-head').hidden = !data;
  if (!data) return;
  const bandPx = bands().length ? BANDS_PX : 0, top = PHONES_PX + bandPx + 8, bottom = height - RULER_PX - 4, font = ink('--font');
  const yAt = (value) => bottom - value * (bottom - top);
  paintGrid(pen, width, height, yAt, font);
  paintClips(pen, width, bottom, font);
  paintPhones(pen, width, bottom, font);
  for (const channel of shown()) curve(pen, channel, xAt, yAt, from, from + span);
  paintOverview();
  place(now);
}
function paintGrid(pen, width, height, yAt, font) {
  pen.strokeStyle = ink('--vx-grid');
  pen.lineWidth = 1;
  for (const level of [0, 0.5, 1]) { pen.beginPath(); pen.moveTo(0, Math.round(yAt(level)) + 0.5); pen.lineTo(width, Math.round(yAt(level)) + 0.5); pen.stroke(); }
  const step = clockStep(px(), 60);
  pen.font = `11px ${font}`;
  pen.fillStyle = ink('--body-text-color-subdued');
  pen.textAlign = 'center';
  for (let k = Math.ceil(from / step); k * step <= Math.min(duration(), from + span) + 1e-9; k += 1) {
    const text = clock(k * step, step) + (k * step < 60 ? ' s' : '');
    pen.fillText(text, clamp(xAt(k * step), 16, width - 16), height - 6);
  }
}
function paintClips(pen, width, bottom, font) {
  pen.textAlign = 'left';
  for (const clip of bands()) {
    const x = xAt(clip.start_s), w = (clip.stop_s - clip.start_s) * px();
    if (x + w < 0 || x > width) continue;
    pen.fillStyle = clip.colour;
    pen.globalAlpha = 0.1; pen.fillRect(x, PHONES_PX + 3, w, bottom - PHONES_PX);
    pen.globalAlpha = 0.38; pen.fillRect(x, PHONES_PX + 3, w, BANDS_PX - 4);
    pen.globalAlpha = 1;
    const left = Math.max(x, 0) + 7, room = x + w - left;
    pen.font = `600 11px ${font}`;
    if (room > pen.measureText(clip.label).width + 4) { pen.fillStyle = ink('--body-text-color'); pen.fillText(clip.label, left, PHONES_PX + 15); }
  }
}
function paintPhones(pen, width, bottom, font) {
  pen.textAlign = 'center';
  const active = phoneAt(now);
  for (const [start, stop, name] of data.phones) {
    const x = xAt(start), w = (stop - start) * px();
    if (x + w < 0 || x > width || name === 'SIL') continue;
    const live = name === active && start <= now && now < stop;
    pen.fillStyle = ink(live ? '--vx-phone-on' : '--vx-phone');
    pen.beginPath(); pen.roundRect(x + 0.5, 4, Math.max(1, w - 1), PHONES_PX - 6, 4); pen.fill();
    pen.font = `600 11px ${font}`;
    if (w > pen.measureText(name).width + 2) { pen.fillStyle = ink(live ? '--vx-phone-on-ink' : '--body-text-color'); pen.fillText(name, x + w / 2, PHONES_PX - 7); }
  }
}
function curve(pen, channel, toX, toY, first, last) {
  const rate = channel.values.length / Math.max(duration(), 1e-6), values = channel.values;
  const start = Math.max(0, Math.floor(first * rate) - 1), stop = Math.min(values.length, Math.ceil(last * rate) + 2);
  pen.beginPath();
  let open = false;
  for (let k = start; k < stop; k += 1) {
    if (values[k] === null) { open = false; continue; }
    const x = toX(k / rate), y = toY(values[k]);
    if (open) pen.lineTo(x, y); else { pen.moveTo(x, y); open = true; }
  }
  pen.strokeStyle = ink(COLOURS[channel.name] || '--color-accent');
  pen.lineWidth = channel.name === 'jaw_open' ? 2.4 : 1.8;
  pen.lineJoin = 'round';
  pen.setLineDash(channel.name === 'measured' ? [5, 4] : []);
  pen.stroke();
  pen.setLineDash([]);
}
function paintOverview() {
  if (over.hidden) return;
  const width = over.clientWidth, height = over.clientHeight, each = width / duration();
  const pen = fitCanvas(over.querySelector('canvas'), width, height);
  for (const clip of bands()) { pen.fillStyle = clip.colour; pen.globalAlpha = 0.3; pen.fillRect(clip.start_s * each, 0, (clip.stop_s - clip.start_s) * each, height); }
  pen.globalAlpha = 1;
  curve(pen, data.channels[0], (t) => t * each, (v) => height - 3 - v * (height - 6), 0, duration());
  $('.vp-window').style.transform = `translateX(${from * each}px)`;
  $('.vp-window').style.width = Math.max(6, span * each) + 'px';
}
let lastPhone = '';
function place(time) {
  now = time;
  if (!data) return;
  const playing = player && !player.paused;
  if (playing && span < duration() && (time < from || time > from + span * 0.9)) { from = clamp(time - span * 0.1, 0, duration() - span); paint(); return; }
  $('.vp-head').style.transform = `translateX(${xAt(time) - 1}px)`;
  if (!over.hidden) $('.vp-mark').style.transform = `translateX(${(time / duration()) * over.clientWidth - 1}px)`;
  const phone = phoneAt(time);
  $('.vp-read').textContent = `${time.toFixed(2)} s` + (phone ? ` · ${phone === 'SIL' ? 'silence' : phone}` : '');
  stage.setAttribute('aria-valuemax', duration().toFixed(2));
  stage.setAttribute('aria-valuenow', clamp(time, 0, duration()).toFixed(2));
  stage.setAttribute('aria-valuetext', `${time.toFixed(2)} seconds${phone && phone !== 'SIL' ? ', sound ' + phone : ''}`);
  if (phone !== lastPhone) { lastPhone = phone; requestAnimationFrame(repaintPhones); }
}
function repaintPhones() {   // the sound under the playhead is lit; only its strip is drawn again
  if (!data || !canvas.width) return;
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, stage.clientWidth, PHONES_PX + 1);
  paintPhones(pen, stage.clientWidth, 0, ink('--font'));
}
function seek(time) {
  const target = clamp(time, 0, duration());
  seekPlayer(target);
  if (target < from || target > from + span) { from = clamp(target - span / 2, 0, Math.max(0, duration() - span)); now = target; paint(); }
  place(target);
  trigger('seek', { time_s: target });
}
function zoomTo(next) {
  if (!data) return;
  const centre = now >= from && now <= from + span ? now : from + span / 2, share = (centre - from) / span;
  span = clamp(next, Math.min(MIN_WINDOW_S, duration()), duration());
  from = clamp(centre - share * span, 0, duration() - span);
  paint();
}
function dragSeek(target, toTime) {
  let held = false;
  target.addEventListener('pointerdown', (event) => { if (!data) return; held = true; target.setPointerCapture(event.pointerId); seek(toTime(event)); });
  target.addEventListener('pointermove', (event) => { if (held) seek(toTime(event)); });
  for (const name of ['pointerup', 'pointercancel']) target.addEventListener(name, () => { held = false; });
}
dragSeek(stage, (event) => from + (event.clientX - stage.getBoundingClientRect().left - stage.clientLeft - EDGE_PX) / px());
dragSeek(over, (event) => ((event.clientX - over.getBoundingClientRect().left) / over.clientWidth) * duration());
stage.addEventListener('keydown', (event) => {
  if (!data) return;
  const frame = 1 / data.fps, side = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
  const here = player ? player.currentTime : now;
  if (side) seek(here + side * (event.shiftKey ? 1 : frame));
  else if (event.key === 'PageUp' || event.key === 'PageDown') seek(here + (event.key === 'PageUp' ? 5 : -5));
  else if (event.key === 'Home') seek(0);
  else if (event.key === 'End') seek(duration());
  else if (event.key === ' ' && player) { if (player.paused) player.play(); else player.pause(); }
  else return;
  event.preventDefault();
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.curve) {
    const name = button.dataset.curve;
    if (!hidden.delete(name)) hidden.add(name);
    button.setAttribute('aria-pressed', String(!hidden.has(name)));
    paint();
  } else zoomTo({ in: span / 1.6, out: span * 1.6, fit: duration() }[button.dataset.do]);
});
stage.addEventListener('wheel', (event) => { if (event.ctrlKey) { event.preventDefault(); zoomTo(span * (event.deltaY < 0 ? 1 / 1.2 : 1.2)); } }, { passive: false });
onTime(place);
watch('value', load);
watch('bands', paint);
new ResizeObserver(paint).observe(stage);
new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ['class'] });
bindPlayer();
load();
