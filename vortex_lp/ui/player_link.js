// Finds the video that the visitor sees and tells `onTime` where it is. Gradio replaces its <video>
// whenever the value changes, and shows one of two (live, finished), so it is looked up again.
let player = null;
let tickRequest = 0;
const timeListeners = [];
const PLAYER_EVENTS = ['play', 'playing', 'seeking', 'seeked', 'timeupdate', 'pause', 'loadedmetadata'];

function visibleVideo() {
  const box = document.getElementById(props.video_id);
  const videos = box ? [...box.querySelectorAll('video')] : [];
  return videos.find((video) => video.offsetParent !== null) || null;
}
function tick() {
  tickRequest = 0;
  if (!element.isConnected || !player) return;
  if (player.isConnected) last = { time: player.currentTime, plays: !player.paused && !player.ended, live: isLive(player) };
  for (const listener of timeListeners) listener(player.currentTime);
  if (!player.paused && !player.ended) tickRequest = requestAnimationFrame(tick);
}
function kick() {
  if (!tickRequest) tickRequest = requestAnimationFrame(tick);
}
// The finished video takes the place of the live one at the same moment, playing if that played.
let last = { time: 0, plays: false, live: false };
const isLive = (video) => !!video.closest('#live-box');
function takeOver(video) {
  const { time, plays } = last;
  const go = () => {
    if (Number.isFinite(video.duration)) video.currentTime = Math.min(time, video.duration);
    if (plays) video.play().catch(() => {});
  };
  if (video.readyState >= 1) go(); else video.addEventListener('loadedmetadata', go, { once: true });
}
function bindPlayer() {
  const found = visibleVideo();
  if (found === player) return;
  if (player) for (const name of PLAYER_EVENTS) player.removeEventListener(name, kick);
  player = found;
  if (!player) return;
  if (props.leads_player && last.live && !isLive(player)) takeOver(player);
  last = { ...last, live: isLive(player) };
  for (const name of PLAYER_EVENTS) player.addEventListener(name, kick);
  kick();
}
function seekPlayer(time) {
  bindPlayer();
  if (player && Number.isFinite(player.duration)) {
    player.currentTime = Math.max(0, Math.min(time, player.duration));
  }
}
function onTime(listener) {
  timeListeners.push(listener);
}
let bindRequest = 0;
new MutationObserver(() => {
  if (!bindRequest) bindRequest = requestAnimationFrame(() => { bindRequest = 0; bindPlayer(); });
}).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['class', 'style'] });

// Shared by both drawings.
function ink(name) {
  return getComputedStyle(element).getPropertyValue(name).trim() || '#888';
}
function fitCanvas(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}
function clockStep(pxPerSecond, minPx) {
  return [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600].find((s) => s * pxPerSecond >= minPx) || 3600;
}
function clock(time, step) {
  if (time >= 60) {
    const minutes = Math.floor(time / 60);
    return minutes + ':' + String(Math.floor(time - minutes * 60)).padStart(2, '0');
  }
  return step < 1 ? time.toFixed(1) : String(Math.round(time));
}
