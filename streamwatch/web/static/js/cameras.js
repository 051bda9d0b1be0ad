// Fetches the pictures of the list again while somebody looks at it.
const EVERY = 2000;
const pictures = [...document.querySelectorAll("img[data-live]")];
const visible = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.isIntersecting ? visible.add(entry.target) : visible.delete(entry.target);
});
for (const picture of pictures) watcher.observe(picture);

let number = 0;
setInterval(() => {
  if (document.hidden) return;
  number += 1;
  for (const picture of visible) if (picture.complete) picture.src = `${picture.dataset.live}&n=${number}`;
}, EVERY);
