/** The path of each reader through the documents: what stands in the sidebar, in the order in which to read it. */
const page = (text, link) => ({ text, link: `/${link}` });

export const sidebar = [
  {
    text: 'Begin',
    items: [page('Where to begin', 'docs/README'), page('Tablecast', 'README'), page('Changes', 'CHANGELOG')],
  },
  {
    text: 'Developer in Node.js',
    items: [
      page('How do I …?', 'docs/recipes/README'),
      page('Where you come from', 'docs/guides/README'),
      page('What to import', 'docs/entries'),
      page('What each operation does', 'docs/semantics'),
      page('Who wins: modes', 'docs/modes'),
      page('Live views', 'docs/views'),
      page('SQL', 'docs/sql'),
      page('HTTP', 'docs/http'),
      page('Another declaration', 'docs/altering'),
      page('Simulation', 'docs/simulation'),
      page('Errors', 'docs/errors/README'),
      { text: 'Interface', link: '/api/index.html', target: '_self' },
    ],
  },
  {
    text: 'Operator',
    items: [
      page('Running it', 'docs/operations'),
      page('Command line', 'docs/cli'),
      page('The page', 'docs/page'),
      page('Events', 'docs/events/README'),
      page('Security', 'SECURITY'),
      page('Guarantees', 'docs/guarantees'),
      page('Performance', 'docs/performance'),
    ],
  },
  {
    text: 'Operator of Zeek',
    items: [
      page('From &backend', 'docs/guides/zeek-backend'),
      page('Zeek', 'docs/zeek'),
      page('Against the original', 'docs/conformance'),
    ],
  },
  {
    text: 'Author of adapters',
    items: [
      page('Write your own', 'docs/write-your-own'),
      page('Architecture', 'docs/architecture'),
      page('Vocabulary', 'docs/vocabulary'),
      page('Protocol', 'docs/protocol'),
      page('File format', 'docs/file-format'),
      page('Decisions', 'docs/decisions/README'),
      page('Contributing', 'CONTRIBUTING'),
    ],
  },
];
