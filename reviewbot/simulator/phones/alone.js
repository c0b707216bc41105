"use strict";
// One phone by itself: the member is in the address.
{
  const phone = createPhone(document.getElementById("phone"));
  phone.show(decodeURIComponent(location.pathname.split("/")[2]));
  listen(() => phone.refresh());
}
