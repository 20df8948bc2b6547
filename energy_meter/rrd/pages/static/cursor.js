// Values under the cursor of graphs and bars, and zooming into a period:
// with the pointer, or with the keyboard.
'use strict';

(() => {
  const MIN_ZOOM_PX = 6;
  const MAX_AGE_MS = 5000;  // of the values of a graph
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: document.body.dataset.zone, dateStyle: 'short',
    timeStyle: 'medium'});

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function add(parent, name, className) {
    const element = document.createElement(name);
    element.className = className;
    parent.append(element);
    return element;
  }

  // Show a text at a place, in pixels from the left of its parent.
  function showTip(tip, text, left) {
    tip.textContent = text;
    tip.hidden = false;
    const margin = tip.offsetWidth / 2;
    tip.style.left =
      `${clamp(left, margin, tip.parentElement.clientWidth - margin)}px`;
  }

  // The cursor of a graph of power. To assistive technology it is a slider.
  class Cursor {
    constructor(plot) {
      this.plot = plot;
      this.index = null;
      this.anchor = null;  // the other end of the selection
      this.loadedAt = -Infinity;
      this.slider = add(plot, 'div', 'cursor');
      this.place();
      this.selection = add(this.slider, 'div', 'selection');
      this.line = add(this.slider, 'div', 'line');
      this.tip = add(plot, 'p', 'tip');
      this.tip.setAttribute('aria-hidden', 'true');
      for (const [name, value] of Object.entries({role: 'slider',
        tabindex: 0, 'aria-label': 'Time. Shift and arrow keys select a '
        + 'period, Enter zooms into it', 'aria-valuemin': 0,
        'aria-valuemax': 0, 'aria-valuenow': 0})) {
        this.slider.setAttribute(name, value);
      }
      this.hide();
      this.listen();
    }

    // Cover the plot of the graph.
    place() {
      const {left, width, narrowLeft, narrowWidth} = this.plot.dataset;
      const isNarrow = 'narrow' in document.documentElement.dataset;
      this.slider.style.left = `${(isNarrow ? narrowLeft : left) * 100}%`;
      this.slider.style.width = `${(isNarrow ? narrowWidth : width) * 100}%`;
    }

    listen() {
      addEventListener('width', () => this.place());
      const on = (name, action) => this.slider.addEventListener(name, action);
      on('pointerenter', event => this.onMove(event));
      on('pointerdown', event => this.onDown(event));
      on('pointermove', event => this.onMove(event));
      on('pointerup', event => this.onUp(event));
      on('pointercancel', () => this.hide());
      on('pointerleave', () => this.onLeave());
      on('focus', () => this.onFocus());
      on('blur', () => this.hide());
      on('keydown', event => this.onKey(event));
    }

    // Wait for the values of the graph; without any, the cursor shows nothing.
    load() {
      if (performance.now() - this.loadedAt >= MAX_AGE_MS) {
        this.loadedAt = performance.now();
        this.loading = this.fetchValues();
      }
      return this.loading;
    }

    async fetchValues() {
      try {
        const response = await fetch(this.plot.dataset.values);
        this.data = await response.json();
        this.slider.setAttribute('aria-valuemax', this.data.watts.length - 1);
      } catch {
        // The next move tries again. The page shows that the server is away.
        this.loadedAt = -Infinity;
      }
    }

    hide() {
      this.anchor = null;
      this.tip.hidden = this.line.hidden = this.selection.hidden = true;
    }

    indexAt(event) {
      const box = this.slider.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const count = this.data.watts.length;
      return clamp(Math.floor(share * count), 0, count - 1);
    }

    time(index) {
      return this.data.start + index * this.data.step;
    }

    text() {
      const watts = this.data.watts[this.index];
      const time = clock.format(this.time(this.index) * 1000);
      return watts === null ? `${time}: unknown`
        : `${time}: ${watts.toFixed(1)} W`;
    }

    show(index) {
      this.index = clamp(index, 0, this.data.watts.length - 1);
      const share = position => position / this.data.watts.length;
      const left = share(this.index + 0.5);
      const text = this.text();
      this.slider.setAttribute('aria-valuenow', this.index);
      this.slider.setAttribute('aria-valuetext', text);
      this.line.style.left = `${left * 100}%`;
      this.line.hidden = false;
      this.selection.hidden = this.anchor === null;
      if (this.anchor !== null) {
        const [first, end] = this.range();
        this.selection.style.left = `${share(first) * 100}%`;
        this.selection.style.width = `${share(end - first) * 100}%`;
      }
      showTip(this.tip, text,
        this.slider.offsetLeft + left * this.slider.offsetWidth);
    }

    // The selected steps: the first, and the one after the last.
    range() {
      return [Math.min(this.anchor, this.index),
        Math.max(this.anchor, this.index) + 1];
    }

    zoom() {
      const [first, end] = this.range().map(index => this.time(index));
      location.href = `${this.plot.dataset.zoom}${first}-${end}/`;
    }

    onDown(event) {
      if (event.button === 0 && this.data) {
        this.anchor = this.indexAt(event);
        this.downX = event.clientX;
        this.slider.setPointerCapture(event.pointerId);
      }
    }

    async onMove(event) {
      await this.load();
      if (this.data && this.slider.matches(':hover, :active')) {
        this.show(this.indexAt(event));
      }
    }

    onUp(event) {
      const isZoom = this.anchor !== null
        && Math.abs(event.clientX - this.downX) >= MIN_ZOOM_PX;
      if (isZoom) {
        this.show(this.indexAt(event));
        this.zoom();
      }
      this.anchor = null;
      this.selection.hidden = true;
    }

    // The page can move below a pointer while a user reads with the keyboard.
    onLeave() {
      if (this.anchor === null && !this.slider.matches(':focus-visible')) {
        this.hide();
      }
    }

    async onFocus() {
      await this.load();
      if (this.data && this.slider.matches(':focus-visible')) {
        this.show(this.index ?? this.data.watts.length - 1);
      }
    }

    onKey(event) {
      if (!this.data) {
        return;
      }
      const count = this.data.watts.length;
      const index = this.index ?? count - 1;
      const page = Math.ceil(count / 10);
      const targets = {ArrowLeft: index - 1, ArrowDown: index - 1,
        ArrowRight: index + 1, ArrowUp: index + 1, PageDown: index - page,
        PageUp: index + page, Home: 0, End: count - 1};
      if (event.key in targets) {
        this.anchor = event.shiftKey ? this.anchor ?? index : null;
        this.show(targets[event.key]);
      } else if (event.key === 'Enter' && this.anchor !== null) {
        this.zoom();
      } else if (event.key === 'Escape') {
        this.hide();
      } else {
        return;
      }
      event.preventDefault();
    }
  }

  const barOf = event => event.target.closest?.('svg.bars .bar');

  function showBar(event) {
    const bar = barOf(event);
    if (!bar) {
      return;
    }
    const chart = bar.closest('.chart');
    const tip = chart.querySelector('.tip') || add(chart, 'p', 'tip');
    tip.setAttribute('aria-hidden', 'true');
    const box = bar.querySelector('.place').getBoundingClientRect();
    showTip(tip, bar.getAttribute('aria-label'),
      box.left + box.width / 2 - chart.getBoundingClientRect().left);
  }

  function hideBar(event) {
    const tip = barOf(event)?.closest('.chart').querySelector('.tip');
    if (tip) {
      tip.hidden = true;
    }
  }

  // One bar of a chart is in the order of Tab; arrow keys select another.
  function moveBar(event) {
    const bar = barOf(event);
    const bars = bar && [...bar.parentElement.querySelectorAll('.bar')];
    const index = bars && bars.indexOf(bar);
    const next = bars && {ArrowLeft: bars[index - 1],
      ArrowRight: bars[index + 1], Home: bars[0],
      End: bars[bars.length - 1]}[event.key];
    if (next) {
      bar.setAttribute('tabindex', -1);
      next.setAttribute('tabindex', 0);
      next.focus();
      event.preventDefault();
    }
  }

  function start() {
    document.querySelectorAll('.plot').forEach(plot => new Cursor(plot));
  }

  document.addEventListener('pointerover', showBar);
  document.addEventListener('pointerout', hideBar);
  document.addEventListener('focusin', showBar);
  document.addEventListener('focusout', hideBar);
  document.addEventListener('keydown', moveBar);
  addEventListener('reloaded', start);
  start();
})();
