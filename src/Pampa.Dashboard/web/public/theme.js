// Before anything is painted, so that no page flashes in the wrong colours.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem('pampa-theme');
  } catch (e) {
    // A browser that keeps nothing: then it is the system's.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
