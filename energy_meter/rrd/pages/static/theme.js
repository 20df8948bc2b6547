// Light or dark theme: follows the system unless the user chooses one, which
// the browser stores. Graphs of narrow screens: as the style sheet says. Runs
// before the page is rendered.
'use strict';

(() => {
  const KEY = 'energy_meter.theme';
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const narrow = matchMedia('(max-width: 34rem)');

  function stored() {
    try {
      return localStorage.getItem(KEY) || 'auto';
    } catch {
      return 'auto';  // The browser blocks storage.
    }
  }

  function apply(name) {
    document.documentElement.dataset.theme =
      name === 'auto' ? (dark.matches ? 'dark' : 'light') : name;
    dispatchEvent(new Event('theme'));
  }

  function choose(name) {
    apply(name);
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // The browser blocks storage: the choice applies to this page only.
    }
  }

  function applyWidth() {
    document.documentElement.toggleAttribute('data-narrow', narrow.matches);
    dispatchEvent(new Event('width'));
  }

  apply(stored());
  applyWidth();
  narrow.addEventListener('change', applyWidth);
  dark.addEventListener('change', () => apply(stored()));
  addEventListener('DOMContentLoaded', () => {
    const buttons = document.getElementById('theme');
    buttons.querySelector(`[value="${stored()}"]`).checked = true;
    buttons.addEventListener('change', event => choose(event.target.value));
    buttons.hidden = false;
  });
})();
