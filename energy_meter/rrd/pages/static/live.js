// Keeps graphs and figures up to date: those in view, while the tab is seen,
// and by conditional requests, so that what did not change costs nothing.
'use strict';

(() => {
  const AT_A_TIME = 4;
  const PATIENCE = 30000;  // milliseconds
  const UNKNOWN = '–';
  const seconds = Number(document.body.dataset.refresh || 0);
  const inView = new Set();
  const waiting = new Set();
  const busy = new Set();
  const shown = new WeakMap();  // element → URL and ETag of what it shows
  const observer = new IntersectionObserver(observed, {rootMargin: '200px'});

  // What differs from what the element shows; null if nothing does.
  async function ask(element, url) {
    const known = shown.get(element);
    const headers = known && known.url === url
      ? {'If-None-Match': known.tag} : {};
    const answer = await fetch(url, {headers, cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE)});
    if (answer.status === 304 || answer.status === 404) {
      return null;
    }
    if (!answer.ok) {
      throw new Error(`${url}: ${answer.status}`);
    }
    return answer;
  }

  function remember(element, url, answer) {
    shown.set(element, {url, tag: answer.headers.get('ETag')});
  }

  async function draw(image) {
    const theme = document.documentElement.dataset.theme;
    const url = `${image.dataset.graph}&theme=${theme}`;
    const answer = await ask(image, url);
    if (!answer) {
      return;
    }
    // Decoded before it takes the place of the old one: no flicker.
    const next = new Image();
    next.src = URL.createObjectURL(await answer.blob());
    await next.decode();
    const old = image.src;
    image.src = next.src;
    image.classList.add('drawn');
    if (old) {
      URL.revokeObjectURL(old);
    }
    remember(image, url, answer);
  }

  function show(figures, places) {
    for (const place of places) {
      const key = place.dataset.figure || place.dataset.total;
      const digits = key === 'kwh' ? 4 : key === 'cost' ? 2 : 1;
      const value = figures[key];
      const text = typeof value !== 'number' ? UNKNOWN
        : value.toLocaleString('en-US', {minimumFractionDigits: digits,
          maximumFractionDigits: digits});
      if (key in figures && place.textContent !== text) {
        place.textContent = text;
      }
    }
  }

  async function fill(element) {
    const url = element.dataset.figures;
    const answer = await ask(element, url);
    if (!answer) {
      return;
    }
    const data = await answer.json();
    remember(element, url, answer);
    if (element.id !== 'page') {
      show(data.figures, element.querySelectorAll('[data-figure]'));
      return;
    }
    show({...data.figures, now: data.now},
      element.querySelectorAll('[data-total]'));
    const places = element.querySelectorAll('[data-probe], [data-card]');
    const ids = new Set();
    for (const place of places) {
      const id = place.dataset.probe || place.dataset.card;
      ids.add(id);
      show(data.probes[id] || {}, place.querySelectorAll('[data-figure]'));
    }
    if (ids.size !== Object.keys(data.probes).length) {
      await renew(element);
    }
  }

  // A probe came or went: take the page anew.
  async function renew(page) {
    const answer = await fetch(location.href, {cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE)});
    const parsed = new DOMParser().parseFromString(
      await answer.text(), 'text/html');
    const filter = page.querySelector('#filter');
    const next = parsed.getElementById('page');
    const box = next.querySelector('#filter');
    if (filter && box) {
      box.value = filter.value;
    }
    observer.disconnect();
    inView.clear();
    page.replaceWith(next);
    observe();
    dispatchEvent(new Event('renewed'));
  }

  function tell(error) {
    const banner = document.getElementById('banner');
    const live = document.getElementById('live');
    banner.hidden = !error;
    live.hidden = false;
    live.classList.toggle('lost', Boolean(error));
    const state = error ? 'Not connected' : 'Live';
    if (live.textContent !== state) {
      live.textContent = state;
      banner.textContent = error ? 'The server does not answer. What you '
        + 'see is not up to date; it will go on by itself.' : '';
    }
  }

  function work() {
    for (const element of waiting) {
      if (busy.size >= AT_A_TIME) {
        return;
      }
      waiting.delete(element);
      if (busy.has(element)) {
        continue;
      }
      busy.add(element);
      (element.dataset.graph ? draw : fill)(element)
        .then(() => tell(null), tell)
        .finally(() => {
          busy.delete(element);
          work();
        });
    }
  }

  function refresh() {
    if (document.hidden) {
      return;
    }
    inView.forEach(element => waiting.add(element));
    work();
  }

  function observed(entries) {
    for (const {target, isIntersecting} of entries) {
      if (isIntersecting) {
        inView.add(target);
        waiting.add(target);
      } else {
        inView.delete(target);
        waiting.delete(target);
      }
    }
    if (!document.hidden) {
      work();
    }
  }

  function observe() {
    for (const element of document.querySelectorAll(
      '[data-graph], [data-figures]')) {
      observer.observe(element);
    }
  }

  observe();
  if (seconds) {
    setInterval(refresh, seconds * 1000);
  }
  document.addEventListener('visibilitychange', refresh);
  addEventListener('theme', refresh);
})();
