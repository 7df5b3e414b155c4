// The menu: marks the section that is being read.

// Only the section that lies across a line about a third of the way down the window counts.
const READ = { rootMargin: "-30% 0px -65% 0px" };

export const followReading = () => {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const reading = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    if (!isIntersecting) return;
    links.forEach((link, name) => (name === target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  }), READ);
  document.querySelectorAll("main > section").forEach((section) => reading.observe(section));
};
