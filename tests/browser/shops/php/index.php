<?php
/** A shop's payment page: it signs the order and brings the checkout by one script. */

$order = ["orderId" => $_GET["order"] ?? "", "amount" => 5000, "currency" => "XAF", "exp" => time() + 1800];

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), "+/", "-_"), "=");
}

$text = base64url(json_encode(["alg" => "HS256", "typ" => "JWT"])) . "." . base64url(json_encode($order));
$orderToken = $text . "." . base64url(hash_hmac("sha256", $text, getenv("ORDER_TOKEN_KEY"), true));
?>
<!doctype html>
<html lang="fr">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:,">
    <title>Une boutique en PHP</title>
    <script src="/braidster-checkout.js" defer></script>
  </head>
  <body>
    <h1>Votre commande</h1>
    <braidster-checkout
      api-url="<?= htmlspecialchars(getenv("API_URL")) ?>"
      gateway-url="<?= htmlspecialchars(getenv("GATEWAY_URL")) ?>"
      order-token="<?= $orderToken ?>"
      continue-url="/merci.php"
    ></braidster-checkout>
  </body>
</html>
