// Light or dark: as the system has it, or as chosen here, which this browser
// remembers. Runs before the page is drawn.
'use strict';

(() => {
  const KEY = 'energy_meter.theme';
  const dark = matchMedia('(prefers-color-scheme: dark)');

  function choice() {
    try {
      return localStorage.getItem(KEY) || 'auto';
    } catch {
      return 'auto';  // This browser may not remember anything.
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
      // It lasts as long as the page, then.
    }
  }

  apply(choice());
  dark.addEventListener('change', () => apply(choice()));
  addEventListener('DOMContentLoaded', () => {
    const buttons = document.getElementById('theme');
    buttons.querySelector(`[value="${choice()}"]`).checked = true;
    buttons.addEventListener('change', event => choose(event.target.value));
    buttons.hidden = false;
  });
})();
