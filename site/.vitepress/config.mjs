import { sidebar } from '../sidebar.mjs';

/** As GitHub names the anchors of headings, so that links between documents hold in both places. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** A link to what is no page leads to a copy of the file as text; see build.mjs. */
function linkFiles(md) {
  const render = md.renderer.rules.link_open;
  md.renderer.rules.link_open = (...call) => {
    const [tokens, index, options, , self] = call;
    const token = tokens[index];
    const href = token.attrGet('href') ?? '';
    if (/^(?:[a-z]+:|#)|\.md(?:#|$)/.test(href)) return render(...call);
    token.attrSet('href', href);
    token.attrSet('data-file', '');
    return self.renderToken(tokens, index, options);
  };
}

export default {
  title: 'Tablecast',
  description: 'Replicated tables on an append-only operation log, for Node.js processes and Zeek clusters.',
  srcDir: '..',
  srcExclude: ['{bench,deploy,dist,examples,page,scripts,site,src,test,tmp,zeek,coverage}/**'],
  outDir: './dist',
  cacheDir: './node_modules/.cache/vitepress',
  // Pages of plain HTML, without a framework that would have to be loaded: they open from a disk as well.
  mpa: true,
  appearance: 'force-auto',
  head: [['script', { src: '/site.js', defer: '' }]],
  markdown: { html: false, anchor: { slugify }, config: linkFiles },
  themeConfig: { sidebar, outline: [2, 3], docFooter: { prev: false, next: false } },
};
