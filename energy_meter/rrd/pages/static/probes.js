// Filter and order of the table of probes and of their graphs.
'use strict';

(() => {
  const collator = new Intl.Collator('en', {numeric: true});
  const NUMBERS = ['now', 'kwh'];  // The largest first.
  let page;
  let probes;
  let descending = false;

  // What is shown of each probe: its row in the table and its card.
  function collect() {
    const cards = new Map([...page.querySelectorAll('[data-card]')]
      .map(card => [card.dataset.card, card]));
    probes = [...page.querySelectorAll('tr[data-probe]')].map(row => {
      const {probe: id, host, scope, wattmeter} = row.dataset;
      return {id, host, scope, row, card: cards.get(id),
        words: `${id} ${host} ${scope} ${wattmeter}`.toLowerCase()};
    });
  }

  function number(probe, key) {
    const text = probe.row.querySelector(`[data-figure=${key}]`).textContent;
    const value = Number(text.replaceAll(',', ''));
    return Number.isNaN(value) ? -Infinity : value;
  }

  function compare(key) {
    const sign = descending ? -1 : 1;
    if (NUMBERS.includes(key)) {
      return (a, b) => sign * (number(a, key) - number(b, key))
        || collator.compare(a.id, b.id);
    }
    return (a, b) => sign * collator.compare(a[key], b[key])
      || collator.compare(a.scope, b.scope) || collator.compare(a.id, b.id);
  }

  function order(key) {
    page.querySelector('#order').value = key;
    for (const button of page.querySelectorAll('button[data-order]')) {
      const heading = button.closest('th');
      if (button.dataset.order === key) {
        heading.setAttribute('aria-sort',
          descending ? 'descending' : 'ascending');
      } else {
        heading.removeAttribute('aria-sort');
      }
    }
    const rows = page.querySelector('#probes tbody');
    const groups = page.querySelector('#groups');
    const placed = new Set();
    for (const {row, card} of probes.sort(compare(key))) {
      rows.append(row);
      card.parentElement.append(card);
      const group = card.closest('[data-group]');
      if (!placed.has(group)) {
        placed.add(group);
        groups.append(group);
      }
    }
  }

  function filter() {
    const words = page.querySelector('#filter').value.toLowerCase()
      .split(/\s+/);
    let count = 0;
    for (const probe of probes) {
      const matches = words.every(word => probe.words.includes(word));
      probe.row.hidden = probe.card.hidden = !matches;
      count += matches;
    }
    for (const group of page.querySelectorAll('[data-group]')) {
      group.hidden = !group.querySelector('.card:not([hidden])');
    }
    page.querySelector('#shown').textContent = count === probes.length
      ? `${count} probes` : `${count} of ${probes.length} probes`;
  }

  function clicked(event) {
    const button = event.target.closest('button[data-order]');
    if (!button) {
      return;
    }
    const key = button.dataset.order;
    const sorted = button.closest('th').getAttribute('aria-sort');
    descending = sorted ? sorted === 'ascending' : NUMBERS.includes(key);
    order(key);
  }

  function start() {
    page = document.getElementById('page');
    if (!page || !page.querySelector('#probes')) {
      return;
    }
    collect();
    page.querySelector('#filter').addEventListener('input', filter);
    page.querySelector('#order').addEventListener('change', event => {
      descending = NUMBERS.includes(event.target.value);
      order(event.target.value);
    });
    page.addEventListener('click', clicked);
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
  addEventListener('renewed', start);
  start();
})();
