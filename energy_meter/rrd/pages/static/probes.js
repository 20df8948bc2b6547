// Filtering and sorting of the table of probes and of their graphs.
'use strict';

(() => {
  const collator = new Intl.Collator('en', {numeric: true});
  const NUMERIC = ['now', 'kwh'];  // Sorted in descending order by default.
  let page;
  let probes;

  // Collect the row and the card of each probe.
  function collect() {
    const cards = new Map([...page.querySelectorAll('[data-card]')]
      .map(card => [card.dataset.card, card]));
    probes = [...page.querySelectorAll('tr[data-probe]')].map(row => {
      const {probe: id, host, scope, wattmeter} = row.dataset;
      return {id, host, scope, row, card: cards.get(id),
        text: `${id} ${host} ${scope} ${wattmeter}`.toLowerCase()};
    });
  }

  function number(probe, key) {
    const text = probe.row.querySelector(`[data-figure=${key}]`).textContent;
    const value = Number(text.replaceAll(',', ''));
    return Number.isNaN(value) ? -Infinity : value;
  }

  function comparator(key, descending) {
    const sign = descending ? -1 : 1;
    if (NUMERIC.includes(key)) {
      return (a, b) => sign * (number(a, key) - number(b, key))
        || collator.compare(a.id, b.id);
    }
    return (a, b) => sign * collator.compare(a[key], b[key])
      || collator.compare(a.scope, b.scope) || collator.compare(a.id, b.id);
  }

  function sort(key, descending) {
    page.querySelector('#sort').value = key;
    for (const button of page.querySelectorAll('button[data-sort]')) {
      const heading = button.closest('th');
      if (button.dataset.sort === key) {
        heading.setAttribute('aria-sort',
          descending ? 'descending' : 'ascending');
      } else {
        heading.removeAttribute('aria-sort');
      }
    }
    const rows = page.querySelector('#probes tbody');
    const groups = page.querySelector('#groups');
    const moved = new Set();
    for (const {row, card} of probes.sort(comparator(key, descending))) {
      rows.append(row);
      card.parentElement.append(card);
      const group = card.closest('[data-group]');
      if (!moved.has(group)) {
        moved.add(group);
        groups.append(group);
      }
    }
  }

  function filter() {
    const terms = page.querySelector('#filter').value.toLowerCase()
      .split(/\s+/);
    let count = 0;
    for (const probe of probes) {
      const matches = terms.every(term => probe.text.includes(term));
      probe.row.hidden = probe.card.hidden = !matches;
      count += matches;
    }
    for (const group of page.querySelectorAll('[data-group]')) {
      group.hidden = !group.querySelector('.card:not([hidden])');
    }
    page.querySelector('#match-count').textContent = count === probes.length
      ? `${count} probes` : `${count} of ${probes.length} probes`;
  }

  function onClick(event) {
    const button = event.target.closest('button[data-sort]');
    if (!button) {
      return;
    }
    const key = button.dataset.sort;
    const direction = button.closest('th').getAttribute('aria-sort');
    sort(key, direction ? direction === 'ascending' : NUMERIC.includes(key));
  }

  function start() {
    page = document.getElementById('page');
    if (!page || !page.querySelector('#probes')) {
      return;
    }
    collect();
    page.querySelector('#filter').addEventListener('input', filter);
    page.querySelector('#sort').addEventListener('change', event => {
      const key = event.target.value;
      sort(key, NUMERIC.includes(key));
    });
    page.addEventListener('click', onClick);
    filter();
  }

  addEventListener('keydown', event => {
    const box = document.getElementById('filter');
    if (!box || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === '/' && !event.target.matches('input, select')) {
      event.preventDefault();
      box.focus();
    } else if (event.key === 'Escape' && event.target === box) {
      box.value = '';
      filter();
    }
  });
  addEventListener('reloaded', start);
  start();
})();
