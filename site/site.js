/** Search, and the menu on small screens; a classic script, which browsers also load from a disk. */
(() => {
  const root = document.currentScript.dataset.root;
  let index;

  /** The index is loaded when somebody wants to search; as a script, because a page on a disk may not fetch. */
  function loadIndex() {
    index ??= new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `${root}search-index.js`;
      script.addEventListener('load', () => resolve(globalThis.tablecastSearch()));
      script.addEventListener('error', reject);
      document.head.append(script);
    });
    return index;
  }

  function entry({ id, title, page, text }) {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = root + id;
    link.textContent = title;
    const where = document.createElement('small');
    where.textContent = `${page}: ${text}`;
    link.append(where);
    item.append(link);
    return item;
  }

  function searchBox() {
    const box = document.createElement('div');
    box.className = 'site-search';
    const input = document.createElement('input');
    input.type = 'search';
    input.placeholder = 'Search';
    input.setAttribute('aria-label', 'Search the documentation');
    const list = document.createElement('ol');
    input.addEventListener('focus', () => void loadIndex());
    const show = async () => {
      const found = input.value.trim() === '' ? [] : (await loadIndex()).search(input.value);
      list.replaceChildren(...found.slice(0, 20).map(entry));
    };
    input.addEventListener('input', () => void show());
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') list.replaceChildren();
    });
    box.append(input, list);
    return box;
  }

  document.querySelector('.VPNavBar .content-body')?.prepend(searchBox());
  document.querySelector('.VPLocalNav .menu')?.addEventListener('click', () => {
    document.querySelector('.VPSidebar')?.classList.toggle('open');
  });
})();
