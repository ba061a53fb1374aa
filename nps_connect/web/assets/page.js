/* The pages work without this. It keeps a doubled press from being sent twice, and lets a reload show the page again
   instead of asking whether to send the form once more. It never sends anything by itself. */
(function () {
  "use strict";
  var busy = false;
  var self = document.body.getAttribute("data-self");
  if (self) { history.replaceState(null, "", self); }
  document.addEventListener("submit", function (event) {
    if (busy) { event.preventDefault(); return; }
    busy = true;
    setTimeout(function () { busy = false; }, 3000);
  });
  addEventListener("pageshow", function () { busy = false; });
})();
