// The page of a running training reads itself again every five seconds, but never under the reader's hands: not while a film plays,
// not in a hidden window, and not when paused. It stands again where it stood.

const EVERY = 5000; // milliseconds

// `films` are {name: film}. Does nothing on a page that has no button "refresh".
export const refreshWhileRunning = (films) => {
  const button = document.getElementById("refresh");
  if (!button) return;
  let paused = Boolean(history.state && history.state.paused);
  const label = () => (button.textContent = paused ? "Go on updating" : "Pause updates");
  button.addEventListener("click", () => {
    paused = !paused;
    label();
  });
  label();
  setInterval(() => {
    if (paused || document.hidden || Object.values(films).some((film) => film.busy())) return;
    const places = Object.fromEntries(Object.entries(films).map(([name, film]) => [name, film.place()]));
    history.replaceState({ paused, ...places }, "");
    location.reload();
  }, EVERY);
};
