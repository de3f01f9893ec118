/** Whether something was printed that a page says; `…` stands for what is another at each run, within a line. */
export function isAsSaid(says: string, printed: string): boolean {
  const pattern = says
    .split('…')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('[^\\n]*');
  return new RegExp(`^${pattern}$`).test(printed);
}
