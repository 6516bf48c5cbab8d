// Before anything is painted, so that no page flashes in the wrong colours.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem('pampa-theme');
  } catch (e) {
    // A browser that keeps nothing: then it is the system's.
  }
  var isChosen = theme === 'light' || theme === 'dark';
  var root = document.documentElement;
  if (isChosen) root.dataset.chosen = theme;
  root.dataset.theme = isChosen ? theme : matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
})();
