// The expression timeline. In scope: element, trigger, props, watch, and player_link.js before this.
// `props.value` is {duration_s, clips: [{id, start_s, stop_s, preset, intensity, ease_s}], selected};
// `props.peaks`, `phones` [[start, stop, name]], `pauses` [[start, stop]] and `presets` come from Python.
const $ = (query) => element.querySelector(query);
const view = $('.tl-view'), track = $('.tl-track'), canvas = $('.tl-canvas'), list = $('.tl-clips');
const MIN_S = 0.2, SNAP_PX = 7, LANE_PX = 46, PHONES_PX = 18, WAVE_PX = 76, RULER_PX = 18, UNDO_STEPS = 200;

let clips = [], duration = 0, selected = null, zoom = 1, snapOn = true, drag = null, now = 0;
let saved = '[]', past = [], future = [];
const boxes = new Map();

const round = (time) => Math.round(time * 1000) / 1000;
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const presets = () => props.presets || [];
const presetOf = (name) => presets().find((p) => p.name === name) || { name, label: name, colour: '#888', intensity: 1 };
const scale = () => (Math.max(1, view.clientWidth) * zoom) / Math.max(duration, 0.001);   // px a second
const current = () => clips.find((c) => c.id === selected) || null;
const byTime = () => [...clips].sort((a, b) => a.start_s - b.start_s || a.stop_s - b.stop_s);
const amount = (clip) => (clip.intensity == null ? presetOf(clip.preset).intensity : clip.intensity);
const nameOf = (clip) => presetOf(clip.preset).label;
const percent = (clip) => `${Math.round(amount(clip) * 100)} %`;
const spoken = (clip) => `${nameOf(clip)} ${percent(clip)}, ${clip.start_s.toFixed(2)} to ${clip.stop_s.toFixed(2)} seconds`;
const say = (text) => { $('[data-role=say]').textContent = text; };

// ---- value, undo, redo -------------------------------------------------------------------------
function load() {
  const value = props.value || {};
  const incoming = (value.clips || []).map((c) => ({ ...c }));
  if (JSON.stringify(incoming) !== saved) { past = []; future = []; }
  duration = value.duration_s || 0;
  clips = incoming;
  saved = JSON.stringify(clips);
  selected = clips.some((c) => c.id === value.selected) ? value.selected : null;
  if (!duration) zoom = 1;
  fillPresets();
  paint();
}
function publish(action) {
  props.value = { duration_s: duration, clips: clips.map((c) => ({ ...c })), selected };
  trigger('input', { action });
}
function commit(message) {
  const state = JSON.stringify(clips);
  if (state !== saved) {
    past.push(saved);
    if (past.length > UNDO_STEPS) past.shift();
    future = [];
    saved = state;
    publish(message);
  }
  paint();
  say(message);
}
function travel(from, to, message) {
  if (!from.length) return;
  to.push(saved);
  saved = from.pop();
  clips = JSON.parse(saved);
  if (!current()) selected = null;
  publish(message);
  paint();
  say(message);
}
function choose(id, { focus = false } = {}) {
  if (selected !== id) {
    selected = id;
    props.value = { duration_s: duration, clips: clips.map((c) => ({ ...c })), selected };
    if (id) trigger('pick', { id });
  }
  paint();
  if (focus && boxes.has(id)) boxes.get(id).focus({ preventScroll: false });
}

// ---- edits ------------------------------------------------------------------------------------
function freshId() {
  let n = clips.length + 1;
  while (clips.some((c) => c.id === 'clip-' + n)) n += 1;
  return 'clip-' + n;
}
function add(at, name = $('[data-role=next]').value) {
  if (!duration) return;
  const length = Math.min(duration, Math.max(MIN_S, Math.min(2, duration / 3)));
  const start = round(clamp(at, 0, duration - length));
  const clip = { id: freshId(), start_s: start, stop_s: round(start + length), preset: name, intensity: presetOf(name).intensity, ease_s: Math.min(0.4, length / 2) };
  clips.push(clip);
  selected = clip.id;
  commit(`Added ${spoken(clip)}`);
  trigger('pick', { id: clip.id });
  boxes.get(clip.id).focus();
}
function nextPlace() {
  if (now > 0 && now < duration && !clips.some((c) => c.start_s <= now && now < c.stop_s)) return now;
  return clips.length ? Math.max(...clips.map((c) => c.stop_s)) : Math.min(0.5, duration / 4);
}
function duplicate() {
  const clip = current();
  if (!clip) return;
  const length = clip.stop_s - clip.start_s;
  const start = clamp(clip.stop_s, 0, duration - length);
  const copy = { ...clip, id: freshId(), start_s: round(start), stop_s: round(start + length) };
  clips.push(copy);
  selected = copy.id;
  commit(`Duplicated: ${spoken(copy)}`);
  boxes.get(copy.id).focus();
}
function remove(id) {
  const order = byTime(), index = order.findIndex((c) => c.id === id);
  if (index < 0) return;
  const next = order[index + 1] || order[index - 1] || null;
  clips = clips.filter((c) => c.id !== id);
  selected = next ? next.id : null;
  commit(`Deleted ${nameOf(order[index])}`);
  if (next) boxes.get(next.id).focus(); else $('[data-do=add]').focus();
}
function shape(clip, field, value) {   // returns the clip with one field changed and every limit kept
  const out = { ...clip };
  if (field === 'start_s') out.start_s = clamp(value, 0, clip.stop_s - MIN_S);
  else if (field === 'stop_s') out.stop_s = clamp(value, clip.start_s + MIN_S, duration);
  else if (field === 'intensity') out.intensity = clamp(value, 0, 1);
  else if (field === 'ease_s') out.ease_s = clamp(value, 0, 5);
  else if (field === 'preset') { out.preset = value; out.intensity = presetOf(value).intensity; }
  else if (field === 'move') {
    const length = clip.stop_s - clip.start_s;
    out.start_s = clamp(value, 0, duration - length);
    out.stop_s = out.start_s + length;
  }
  for (const key of ['start_s', 'stop_s', 'intensity', 'ease_s']) if (out[key] != null) out[key] = round(out[key]);
  return out;
}
function edit(id, field, value, { quiet = false } = {}) {
  clips = clips.map((c) => (c.id === id ? shape(c, field, value) : c));
  if (quiet) paint(); else commit(spoken(clips.find((c) => c.id === id)));
}

// ---- painting -----------------------------------------------------------------------------------
function lanes() {   // clip id → row, so that overlapping clips are both seen
  const ends = [], rows = new Map();
  for (const clip of byTime()) {
    let row = ends.findIndex((end) => end <= clip.start_s + 1e-6);
    if (row < 0) row = ends.length;
    ends[row] = clip.stop_s;
    rows.set(clip.id, row);
  }
  return { rows, count: Math.max(1, ends.length) };
}
const laneTop = (row) => PHONES_PX + WAVE_PX + 4 + row * LANE_PX;
function paint() {
  const { rows, count } = lanes();
  track.hidden = !duration;
  $('.tl-empty').hidden = !!duration;
  const height = laneTop(count) + RULER_PX;
  track.style.width = Math.round(view.clientWidth * zoom) + 'px';
  track.style.height = height + 'px';
  list.hidden = !clips.length;
  paintBoxes(rows);
  paintWave(height, count);
  paintInspector();
  paintTable();
  paintBar();
  placeHead(now);
}
function makeBox(clip) {
  const box = document.createElement('div');
  box.className = 'tl-clip';
  box.setAttribute('role', 'option');
  box.dataset.id = clip.id;
  box.append(document.createElement('b'), ' ', document.createElement('small'));
  for (const edge of ['start', 'stop']) {
    const handle = document.createElement('span');
    handle.className = 'tl-edge';
    handle.dataset.edge = edge;
    box.append(handle);
  }
  return box;
}
function paintBoxes(rows) {
  for (const [id, box] of boxes) if (!rows.has(id)) { box.remove(); boxes.delete(id); }
  const tabStop = current() ? selected : (byTime()[0] || {}).id;
  for (const clip of byTime()) {
    if (!boxes.has(clip.id)) { boxes.set(clip.id, makeBox(clip)); list.append(boxes.get(clip.id)); }
    const box = boxes.get(clip.id), width = (clip.stop_s - clip.start_s) * scale();
    box.style.left = clip.start_s * scale() + 'px';
    box.style.width = Math.max(8, width) + 'px';
    box.style.top = laneTop(rows.get(clip.id)) + 'px';
    box.style.setProperty('--clip', presetOf(clip.preset).colour);
    box.tabIndex = clip.id === tabStop ? 0 : -1;
    box.setAttribute('aria-selected', String(clip.id === selected));
    box.setAttribute('aria-label', spoken(clip));
    box.title = spoken(clip);
    box.querySelector('b').textContent = width > 44 ? nameOf(clip) : '';
    box.querySelector('small').textContent = width > 120 ? percent(clip) : '';
  }
}
function paintWave(height, count) {
  const width = view.clientWidth;
  if (!duration || !width) return;
  const pen = fitCanvas(canvas, width, height), px = scale(), left = view.scrollLeft, font = ink('--font');
  const at = (time) => time * px - left;
  const middle = PHONES_PX + WAVE_PX / 2;
  for (const [start, stop] of props.pauses || []) {
    pen.fillStyle = ink('--vx-pause');
    pen.fillRect(at(start), PHONES_PX, (stop - start) * px, WAVE_PX);
  }
  for (const clip of clips) {   // the shape of the clip over time: ease in, hold, ease out
    const ease = Math.min(clip.ease_s, (clip.stop_s - clip.start_s) / 2), top = PHONES_PX + WAVE_PX - 2 - amount(clip) * (WAVE_PX - 8);
    pen.beginPath();
    pen.moveTo(at(clip.start_s), PHONES_PX + WAVE_PX);
    pen.bezierCurveTo(at(clip.start_s + ease / 2), PHONES_PX + WAVE_PX, at(clip.start_s + ease / 2), top, at(clip.start_s + ease), top);
    pen.lineTo(at(clip.stop_s - ease), top);
    pen.bezierCurveTo(at(clip.stop_s - ease / 2), top, at(clip.stop_s - ease / 2), PHONES_PX + WAVE_PX, at(clip.stop_s), PHONES_PX + WAVE_PX);
    pen.fillStyle = presetOf(clip.preset).colour;
    pen.globalAlpha = clip.id === selected ? 0.34 : 0.2;
    pen.fill();
    pen.globalAlpha = 1;
  }
  const peaks = props.peaks || [], perPeak = duration / Math.max(1, peaks.length);
  pen.fillStyle = ink('--vx-wave');
  for (let x = 0; x < width; x += 3) {
    const first = Math.floor((x + left) / px / perPeak), last = Math.max(first + 1, Math.floor((x + 3 + left) / px / perPeak));
    let loud = 0;
    for (let i = first; i < Math.min(last, peaks.length); i += 1) loud = Math.max(loud, peaks[i]);
    const half = Math.max(0.75, loud * (WAVE_PX / 2 - 4));
    pen.fillRect(x, middle - half, 2, half * 2);
  }
  paintPhones(pen, at, px, width, font);
  const step = clockStep(px, 52);
  pen.font = `11px ${font}`;
  pen.textAlign = 'left';
  pen.fillStyle = ink('--body-text-color-subdued');
  const ruler = laneTop(count);
  for (let k = Math.floor(left / px / step); k * step <= Math.min(duration, (left + width) / px); k += 1) {
    const x = at(k * step);
    pen.fillRect(x, ruler, 1, 4);
    if (x + 4 < width - 8) pen.fillText(clock(k * step, step), x + 4, ruler + 12);
  }
}
function paintPhones(pen, at, px, width, font) {
  pen.font = `600 10px ${font}`;
  pen.textAlign = 'center';
  for (const [start, stop, name] of props.phones || []) {
    const x = at(start), w = (stop - start) * px;
    if (x + w < 0 || x > width || name === 'SIL') continue;
    pen.fillStyle = ink('--vx-phone');
    pen.fillRect(x + 0.5, 3, Math.max(1, w - 1), PHONES_PX - 6);
    if (w > 13) { pen.fillStyle = ink('--body-text-color'); pen.fillText(name, x + w / 2, 12.5); }
  }
}
function paintInspector() {
  const clip = current();
  $('.tl-inspector').hidden = !clip;
  if (!clip) return;
  for (const field of element.querySelectorAll('[data-edit]')) {
    const key = field.dataset.edit, value = key === 'intensity' ? amount(clip) : clip[key];
    if (document.activeElement !== field || field.type === 'range') field.value = key.endsWith('_s') && field.type === 'number' ? value.toFixed(2) : value;
  }
  $('[data-show=intensity]').textContent = percent(clip);
  $('[data-show=ease_s]').textContent = clip.ease_s.toFixed(2) + ' s';
}
function paintBar() {
  $('[data-do=undo]').disabled = !past.length;
  $('[data-do=redo]').disabled = !future.length;
  for (const name of ['add', 'in', 'fit']) $(`[data-do=${name}]`).disabled = !duration;
  $('[data-do=out]').disabled = !duration || zoom <= 1;
  $('[data-do=snap]').setAttribute('aria-pressed', String(snapOn));
}
function paintTable() {
  const body = $('.tl-table tbody'), order = byTime();
  $('.tl-count').textContent = clips.length ? ` ${clips.length} ${clips.length === 1 ? 'clip' : 'clips'}` : '';
  const held = document.activeElement && body.contains(document.activeElement) ? document.activeElement.dataset : null;
  body.replaceChildren(...(order.length ? order.map(tableRow) : [emptyRow()]));
  if (held) { const again = body.querySelector(`[data-row="${held.row}"][data-cell="${held.cell}"]`); if (again) again.focus(); }
}
function emptyRow() {
  const row = document.createElement('tr'), cell = document.createElement('td');
  cell.colSpan = 6; cell.className = 'tl-none'; cell.textContent = 'No clips yet: the base expression holds throughout.';
  row.append(cell);
  return row;
}
function tableRow(clip, index) {
  const row = document.createElement('tr');
  row.className = clip.id === selected ? 'tl-on' : '';
  const pick = presetSelect(clip.preset);
  const fields = [['preset', 'Expression', pick]];
  for (const [key, label, step, value] of [['start_s', 'Start in seconds', 0.01, clip.start_s.toFixed(2)], ['stop_s', 'End in seconds', 0.01, clip.stop_s.toFixed(2)],
    ['intensity', 'Intensity from 0 to 1', 0.05, amount(clip).toFixed(2)], ['ease_s', 'Ease in seconds', 0.05, clip.ease_s.toFixed(2)]]) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'number', step, min: 0, value });
    fields.push([key, label, input]);
  }
  for (const [key, label, field] of fields) {
    field.dataset.row = clip.id; field.dataset.cell = key;
    field.setAttribute('aria-label', `${label}, clip ${index + 1}`);
    const cell = document.createElement('td');
    cell.append(field);
    row.append(cell);
  }
  const cell = document.createElement('td'), button = document.createElement('button');
  button.type = 'button'; button.textContent = 'Remove'; button.dataset.row = clip.id; button.dataset.cell = 'remove';
  button.setAttribute('aria-label', `Remove clip ${index + 1}, ${nameOf(clip)}`);
  cell.append(button);
  row.append(cell);
  return row;
}
function presetSelect(value, target = document.createElement('select')) {
  target.replaceChildren(...presets().map((p) => new Option(p.label, p.name)));
  if (value) target.value = value;
  return target;
}
function fillPresets() {
  const next = $('[data-role=next]'), before = next.value;
  presetSelect(presets().some((p) => p.name === before) ? before : props.first_preset, next);
  presetSelect(null, $('[data-edit=preset]'));
}
function placeHead(time) {
  now = time;
  const head = $('.tl-head');
  head.hidden = !duration || !player;
  head.style.transform = `translateX(${clamp(time, 0, duration) * scale() - 1}px)`;
  if (player && !player.paused && zoom > 1 && !drag) {
    const x = time * scale();
    if (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth * 0.9) view.scrollLeft = x - view.clientWidth * 0.1;
  }
}

// ---- mouse and touch ------------------------------------------------------------------------------
function snap(time, id) {
  if (!snapOn) return { time, hit: null };
  const targets = [0, duration, player ? now : 0];
  for (const [start, stop] of props.pauses || []) targets.push(start, stop);
  for (const clip of clips) if (clip.id !== id) targets.push(clip.start_s, clip.stop_s);
  let hit = null;
  for (const target of targets) if (Math.abs(target - time) * scale() < SNAP_PX && (hit === null || Math.abs(target - time) < Math.abs(hit - time))) hit = target;
  return { time: hit === null ? time : hit, hit };
}
const timeAt = (event) => (event.clientX - track.getBoundingClientRect().left) / scale();
track.addEventListener('pointerdown', (event) => {
  const box = event.target.closest('.tl-clip');
  if (!box) { seekPlayer(timeAt(event)); return; }
  event.preventDefault();
  choose(box.dataset.id, { focus: true });
  const clip = current();
  drag = { id: clip.id, edge: event.target.dataset.edge || 'move', grip: timeAt(event) - clip.start_s, length: clip.stop_s - clip.start_s };
  box.setPointerCapture(event.pointerId);
  box.classList.add('tl-dragging');
});
track.addEventListener('pointermove', (event) => {
  if (!drag) return;
  const time = timeAt(event);
  let landing;
  if (drag.edge === 'move') {
    landing = snap(time - drag.grip, drag.id);
    if (landing.hit === null) { const end = snap(time - drag.grip + drag.length, drag.id); landing = { time: end.time - drag.length, hit: end.hit }; }
    edit(drag.id, 'move', landing.time, { quiet: true });
  } else {
    landing = snap(time, drag.id);
    edit(drag.id, drag.edge === 'start' ? 'start_s' : 'stop_s', landing.time, { quiet: true });
  }
  const line = $('.tl-snapline');
  line.hidden = landing.hit === null;
  if (landing.hit !== null) line.style.left = landing.hit * scale() + 'px';
});
function drop() {
  if (!drag) return;
  boxes.get(drag.id).classList.remove('tl-dragging');
  $('.tl-snapline').hidden = true;
  const clip = clips.find((c) => c.id === drag.id);
  drag = null;
  commit(spoken(clip));
}
track.addEventListener('pointerup', drop);
track.addEventListener('pointercancel', drop);
track.addEventListener('dblclick', (event) => { if (!event.target.closest('.tl-clip')) add(timeAt(event) - Math.min(2, duration / 3) / 2); });

// ---- keyboard -------------------------------------------------------------------------------------
list.addEventListener('focusin', (event) => { const box = event.target.closest('.tl-clip'); if (box && !drag) choose(box.dataset.id); });
list.addEventListener('keydown', (event) => {
  const clip = current();
  if (!clip) return;
  const order = byTime(), index = order.indexOf(clip), step = event.ctrlKey || event.metaKey ? 0.01 : 0.1;
  const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const other = { ArrowUp: order[index - 1], ArrowDown: order[index + 1], Home: order[0], End: order[order.length - 1] }[event.key];
  if (side && event.shiftKey) edit(clip.id, 'stop_s', clip.stop_s + side * step);
  else if (side && event.altKey) edit(clip.id, 'start_s', clip.start_s + side * step);
  else if (side) edit(clip.id, 'move', clip.start_s + side * step);
  else if (other) choose(other.id, { focus: true });
  else if (event.key === 'Delete' || event.key === 'Backspace') remove(clip.id);
  else if (event.key === '+' || event.key === '=') edit(clip.id, 'intensity', amount(clip) + 0.05);
  else if (event.key === '-') edit(clip.id, 'intensity', amount(clip) - 0.05);
  else if (event.key === 'Escape') choose(null);
  else return;
  event.preventDefault();
});
element.addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.target.matches('input[type=number]')) return;
  const key = event.key.toLowerCase();
  if (key === 'z' && !event.shiftKey) travel(past, future, 'Undone');
  else if (key === 'y' || (key === 'z' && event.shiftKey)) travel(future, past, 'Redone');
  else if (key === 'd') duplicate();
  else return;
  event.preventDefault();
});

// ---- tools, inspector, table ----------------------------------------------------------------------
function zoomTo(factor) {
  const centre = (view.scrollLeft + view.clientWidth / 2) / scale();
  zoom = clamp(factor, 1, Math.max(1, (duration * 400) / Math.max(1, view.clientWidth)));
  paint();
  view.scrollLeft = centre * scale() - view.clientWidth / 2;
}
const TOOLS = {
  add: () => add(nextPlace()), undo: () => travel(past, future, 'Undone'), redo: () => travel(future, past, 'Redone'),
  in: () => zoomTo(zoom * 1.6), out: () => zoomTo(zoom / 1.6), fit: () => zoomTo(1),
  snap: () => { snapOn = !snapOn; paintBar(); say(snapOn ? 'Snapping on' : 'Snapping off'); },
  duplicate, delete: () => remove(selected),
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.do) TOOLS[button.dataset.do]();
  else if (button.dataset.cell === 'remove') remove(button.dataset.row);
});
const read = (field) => (field.tagName === 'SELECT' ? field.value : Number(field.value));
element.addEventListener('input', (event) => {
  if (event.target.type === 'range' && selected) edit(selected, event.target.dataset.edit, read(event.target), { quiet: true });
  event.stopPropagation();
});
element.addEventListener('change', (event) => {
  const field = event.target, id = field.dataset.row || selected, key = field.dataset.cell || field.dataset.edit;
  event.stopPropagation();
  if (!id || !key) return;
  if (field.tagName !== 'SELECT' && !Number.isFinite(read(field))) { paint(); return; }
  edit(id, key, read(field));
  field.blur();
  paint();
  const again = field.dataset.row ? element.querySelector(`[data-row="${id}"][data-cell="${key}"]`) : field;
  if (again) again.focus();
});
view.addEventListener('scroll', () => { const { count } = lanes(); paintWave(laneTop(count) + RULER_PX, count); });
view.addEventListener('wheel', (event) => { if (event.ctrlKey) { event.preventDefault(); zoomTo(zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2)); } }, { passive: false });

onTime(placeHead);
watch('value', load);
watch('presets', load);
for (const name of ['peaks', 'phones', 'pauses']) watch(name, paint);
new ResizeObserver(paint).observe(view);
new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ['class'] });
bindPlayer();
load();
