// Updates graphs, figures and energy: only those in view, only while the tab
// is visible, and with conditional requests, so that unchanged data is not
// sent again.
'use strict';

(() => {
  const MAX_REQUESTS = 4;
  const TIMEOUT_MS = 30000;
  // Energy comes from the API, which can be slow. It has a queue of its own,
  // so that it does not delay graphs, and more time than the server has.
  const MAX_ENERGY_REQUESTS = 1;
  const ENERGY_TIMEOUT_MS = 45000;
  const UNKNOWN = '–';
  const intervalS = Number(document.body.dataset.refresh || 0);
  const inView = new Set();
  const queued = new Set();
  const loading = new Set();
  const current = new WeakMap();  // element → URL and ETag of its content
  const observer = new IntersectionObserver(onViewChange,
    {rootMargin: '200px'});

  function request(element, url, timeout) {
    const known = current.get(element);
    const headers = known && known.url === url
      ? {'If-None-Match': known.tag} : {};
    return fetch(url, {headers, cache: 'no-store',
      signal: AbortSignal.timeout(timeout)});
  }

  // Return the response; null if the element is up to date.
  async function fetchIfChanged(element, url) {
    const response = await request(element, url, TIMEOUT_MS);
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
    const {theme, narrow} = document.documentElement.dataset;
    const source = narrow === undefined ? image.dataset.graph
      : image.dataset.narrow || image.dataset.graph;
    const url = `${source}&theme=${theme}`;
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

  // Show the bars of the page of energy, or why there are none.
  async function updateEnergy(element) {
    if (current.has(element) && element.matches(':hover, :focus-within')) {
      return;  // A user is reading it.
    }
    const url = element.dataset.energy;
    let response;
    try {
      response = await request(element, url, ENERGY_TIMEOUT_MS);
    } catch (error) {
      if (error.name !== 'TimeoutError') {
        throw error;
      }
    }
    if (response && response.status === 304) {
      return;
    }
    if (!response || !response.ok) {
      const text = document.createElement('p');
      text.textContent = response && response.status === 404
        ? 'No energy is known for this period.'
        : 'Energy is unavailable right now.';
      element.replaceChildren(text);
      current.delete(element);
      return;
    }
    const parsed = new DOMParser().parseFromString(
      await response.text(), 'text/html');
    const bars = parsed.querySelector('[data-bars]');
    const details = element.querySelector('details');
    bars.querySelector('details').open = Boolean(details && details.open);
    element.replaceChildren(bars);
    remember(element, url, response);
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

  const isEnergy = element => 'energy' in element.dataset;

  function isBusy(element) {
    const running = [...loading].filter(
      other => isEnergy(other) === isEnergy(element));
    return running.length
      >= (isEnergy(element) ? MAX_ENERGY_REQUESTS : MAX_REQUESTS);
  }

  function update(element) {
    if (isEnergy(element)) {
      return updateEnergy(element);
    }
    return element.dataset.graph ? updateGraph(element)
      : updateFigures(element);
  }

  function loadQueued() {
    for (const element of queued) {
      if (isBusy(element)) {
        continue;
      }
      queued.delete(element);
      if (loading.has(element)) {
        continue;
      }
      loading.add(element);
      update(element)
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
      '[data-graph], [data-figures], [data-energy]')) {
      observer.observe(element);
    }
  }

  observe();
  if (intervalS) {
    setInterval(refresh, intervalS * 1000);
  }
  document.addEventListener('visibilitychange', refresh);
  addEventListener('theme', refresh);
  addEventListener('width', refresh);
})();
