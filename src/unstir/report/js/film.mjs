// A film: a slider with a play button. Each place of the slider is one picture, and its readings stand beneath it.
//
// On the page it is five elements, of which each has the film's name in its id: NAME-film, NAME-slider, NAME-play, NAME-reading, and
// NAME-spoken, which a screen reader reads aloud.

const SECONDS = 7; // from the first place to the last
const KEPT = 500; // drawing times
const QUIET = 1500; // milliseconds between two sentences for screen readers while the slider moves
const PAUSE = 400; // milliseconds after which it counts as standing still

// The place, not a whole number, so many milliseconds after the film was started at `from`.
export const placeAfter = (from, milliseconds, last) => Math.min(last, from + (milliseconds / 1000 / SECONDS) * last);

// Calls play() once, when most of the box is in view for the first time.
const onceInView = (box, play) => {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    play();
  }, { threshold: 0.6 });
  observer.observe(box);
};

// What is said under the film and to screen readers: `draw` writes the readings, [short texts], at once, and the sentence, which
// also describes each of canvases() -> [[canvas, what it shows]], not more often than one can listen to it.
const teller = (name, slider, { words, spoken, canvases }) => {
  const reading = document.getElementById(`${name}-reading`), aloud = document.getElementById(`${name}-spoken`), spans = [];
  let told = 0, later = 0;
  const tell = () => {
    told = performance.now();
    const sentence = spoken(Number(slider.value));
    aloud.textContent = sentence;
    canvases().forEach(([canvas, what]) => canvas.setAttribute("aria-label", `${what}. ${sentence}`));
  };
  return {
    write(readings) {
      readings.forEach((text, i) => {
        if (!spans[i]) reading.append((spans[i] = document.createElement("span")));
        if (spans[i].textContent !== text) spans[i].textContent = text;
      });
    },
    say(readings) {
      slider.setAttribute("aria-valuetext", readings.join(", "));
      clearTimeout(later);
      if (performance.now() - told > QUIET) tell();
      else later = setTimeout(tell, PAUSE);
    },
  };
};

// The film called `name`. show(place) draws; words(place) is a list of short readings; spoken(place) is a sentence; canvases() is a
// list of [canvas, what it shows]. `autoplay`: whether it plays once when it first comes into view, unless the reader wants no
// motion. Returns {busy(), place(), draw(), spent}: whether it moves, where it stands, draw again, milliseconds of each drawing.
export const film = (name, { show, words, spoken, canvases, autoplay }) => {
  const slider = document.getElementById(`${name}-slider`), button = document.getElementById(`${name}-play`);
  const tellers = teller(name, slider, { words, spoken, canvases }), last = Number(slider.max), spent = [];
  let playing = null;
  const draw = (place) => {
    const start = performance.now();
    show(place);
    const readings = words(place);
    tellers.write(readings);
    spent.push(performance.now() - start);
    if (spent.length > KEPT) spent.shift();
    tellers.say(readings);
  };
  const halt = () => {
    cancelAnimationFrame(playing);
    playing = null;
    button.textContent = "Play";
  };
  const play = () => {
    const from = Number(slider.value) >= last ? 0 : Number(slider.value);
    let start = null;
    button.textContent = "Pause";
    const step = (now) => {
      if (start === null) start = now;
      const place = placeAfter(from, now - start, last);
      if (Math.floor(place) !== Number(slider.value)) {
        slider.value = Math.floor(place);
        draw(Math.floor(place));
      }
      if (place >= last) halt();
      else playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
  };
  const toggle = () => (playing === null ? play() : halt());
  button.addEventListener("click", toggle);
  slider.addEventListener("input", () => {
    if (playing !== null) halt();
    draw(Number(slider.value));
  });
  slider.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  const kept = history.state && history.state[name]; // a page that reads itself again stands where it stood
  slider.value = kept ? kept : 0;
  draw(Number(slider.value));
  onceInView(document.getElementById(`${name}-film`), () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (autoplay && !calm && slider.value === "0" && playing === null) play();
  });
  return { busy: () => playing !== null, place: () => Number(slider.value), draw: () => draw(Number(slider.value)), spent };
};
