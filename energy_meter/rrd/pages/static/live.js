// Updates graphs and figures: only those in view, only while the tab is
// visible, and with conditional requests, so that unchanged data is not sent
// again.
'use strict';

(() => {
  const MAX_REQUESTS = 4;
  const TIMEOUT_MS = 30000;
  const UNKNOWN = '–';
  const intervalS = Number(document.body.dataset.refresh || 0);
  const inView = new Set();
  const queued = new Set();
  const loading = new Set();
  const current = new WeakMap();  // element → URL and ETag of its content
  const observer = new IntersectionObserver(onViewChange,
    {rootMargin: '200px'});

  // Return the response; null if the element is up to date.
  async function fetchIfChanged(element, url) {
    const known = current.get(element);
    const headers = known && known.url === url
      ? {'If-None-Match': known.tag} : {};
    const response = await fetch(url, {headers, cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS)});
    if (response.status === 304 || response.status === 404) {
      return null;
    }
    if (!response.ok) {
      throw new Error(`${url}: ${response.status}`);
    }
    return response;
  }

  function remember(element, url, response) {
    current.set(element, {url, tag: response.headers.get('ETag')});
  }

  async function updateGraph(image) {
    const theme = document.documentElement.dataset.theme;
    const url = `${image.dataset.graph}&theme=${theme}`;
    const response = await fetchIfChanged(image, url);
    if (!response) {
      return;
    }
    // Decode the new image before replacing the old one to avoid flicker.
    const next = new Image();
    next.src = URL.createObjectURL(await response.blob());
    await next.decode();
    const previous = image.src;
    image.src = next.src;
    image.classList.add('loaded');
    if (previous) {
      URL.revokeObjectURL(previous);
    }
    remember(image, url, response);
  }

  function showFigures(figures, elements) {
    for (const element of elements) {
      const key = element.dataset.figure || element.dataset.total;
      const digits = key === 'kwh' ? 4 : key === 'cost' ? 2 : 1;
      const value = figures[key];
      const text = typeof value !== 'number' ? UNKNOWN
        : value.toLocaleString('en-US', {minimumFractionDigits: digits,
          maximumFractionDigits: digits});
      if (key in figures && element.textContent !== text) {
        element.textContent = text;
      }
    }
  }

  async function updateFigures(element) {
    const url = element.dataset.figures;
    const response = await fetchIfChanged(element, url);
    if (!response) {
      return;
    }
    const data = await response.json();
    remember(element, url, response);
    if (element.id !== 'page') {
      showFigures(data.figures, element.querySelectorAll('[data-figure]'));
      return;
    }
    showFigures({...data.figures, now: data.now},
      element.querySelectorAll('[data-total]'));
    const probes = element.querySelectorAll('[data-probe], [data-card]');
    const ids = new Set();
    for (const probe of probes) {
      const id = probe.dataset.probe || probe.dataset.card;
      ids.add(id);
      showFigures(data.probes[id] || {},
        probe.querySelectorAll('[data-figure]'));
    }
    if (ids.size !== Object.keys(data.probes).length) {
      await reloadPage(element);
    }
  }

  // Load the page again because a probe was added or removed.
  async function reloadPage(page) {
    const response = await fetch(location.href, {cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS)});
    const parsed = new DOMParser().parseFromString(
      await response.text(), 'text/html');
    const filter = page.querySelector('#filter');
    const next = parsed.getElementById('page');
    const nextFilter = next.querySelector('#filter');
    if (filter && nextFilter) {
      nextFilter.value = filter.value;
    }
    observer.disconnect();
    inView.clear();
    page.replaceWith(next);
    observe();
    dispatchEvent(new Event('reloaded'));
  }

  function showConnection(error) {
    const banner = document.getElementById('banner');
    const live = document.getElementById('live');
    banner.hidden = !error;
    live.hidden = false;
    live.classList.toggle('disconnected', Boolean(error));
    const state = error ? 'Disconnected' : 'Live';
    if (live.textContent !== state) {
      live.textContent = state;
      banner.textContent = error ? 'The server is not responding. This page '
        + 'may be out of date. It will update when the server is available '
        + 'again.' : '';
    }
  }

  function loadQueued() {
    for (const element of queued) {
      if (loading.size >= MAX_REQUESTS) {
        return;
      }
      queued.delete(element);
      if (loading.has(element)) {
        continue;
      }
      loading.add(element);
      (element.dataset.graph ? updateGraph : updateFigures)(element)
        .then(() => showConnection(null), showConnection)
        .finally(() => {
          loading.delete(element);
          loadQueued();
        });
    }
  }

  function refresh() {
    if (document.hidden) {
      return;
    }
    inView.forEach(element => queued.add(element));
    loadQueued();
  }

  function onViewChange(entries) {
    for (const {target, isIntersecting} of entries) {
      if (isIntersecting) {
        inView.add(target);
        queued.add(target);
      } else {
        inView.delete(target);
        queued.delete(target);
      }
    }
    if (!document.hidden) {
      loadQueued();
    }
  }

  function observe() {
    for (const element of document.querySelectorAll(
      '[data-graph], [data-figures]')) {
      observer.observe(element);
    }
  }

  observe();
  if (intervalS) {
    setInterval(refresh, intervalS * 1000);
  }
  document.addEventListener('visibilitychange', refresh);
  addEventListener('theme', refresh);
})();
