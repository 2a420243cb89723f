// A sentence with a tone and, while something runs, a bar. All text is set as text, never as HTML.
function paint() {
  const value = props.value || {}, box = element.querySelector('.st'), bar = element.querySelector('.st-bar');
  box.dataset.tone = value.tone || 'idle';
  element.querySelector('.st-text').textContent = value.text || '';
  element.querySelector('.st-detail').textContent = value.detail || '';
  const busy = typeof value.share === 'number';
  bar.hidden = !busy;
  if (busy) {
    bar.setAttribute('aria-valuenow', String(Math.round(value.share * 100)));
    bar.firstElementChild.style.transform = `scaleX(${Math.max(0, Math.min(1, value.share))})`;
  }
}
watch('value', paint);
paint();
