<!doctype html>
<html lang="fr">
  <head>
    <meta charset="utf-8">
    <link rel="icon" href="data:,">
    <title>Merci</title>
  </head>
  <body>
    <h1>Merci pour votre commande</h1>
  </body>
</html>
