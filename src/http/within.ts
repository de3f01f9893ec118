/** Returns whether something came about within a time, in milliseconds; false also for what fails. */
export async function within(milliseconds: number, event: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const came = event.then(
    () => true,
    () => false,
  );
  const inTime = await Promise.race([came, late]);
  clearTimeout(timer);
  return inTime;
}
