/** What CamPay's reasons can mean, and what they do not say. They are loaded with a failed payment. */

import type { Locale } from "../src/locale";
import type { FailureCode } from "../src/paymentContract";

export interface ReasonTexts {
  /** Of every word. */
  readonly about: string;
  readonly noWord: string;
  readonly meanings: Readonly<Record<FailureCode, string>>;
}

export const REASON_TEXTS: Readonly<Record<Locale, ReasonTexts>> = {
  en: {
    about:
      "The reason is the word that came from the operator by CamPay, or CamPay’s own; nobody publishes a list of them. " +
      "This is what it has meant where others met it:",
    noWord: "CamPay gave no reason.",
    meanings: {
      declined:
        "The payment was turned down. It can be the customer who pressed “cancel” or let the prompt go, or the operator’s " +
        "system. The word does not say who, nor why: where many phones have it at once, suspect the operator.",
      not_enough_funds:
        "Too little money on the account. MTN uses one and the same word where a limit is reached or the account may not " +
        "pay, so that “top up” need not help. How much is missing is not said.",
      wrong_pin:
        "The secret code was wrong, or is blocked by earlier tries. Which of the two is not said; only the operator unblocks.",
      not_registered:
        "The operator finds no mobile money account on this number. Whether the number was mistyped is not said.",
      limit_reached:
        "A limit of the customer’s account, such as a day’s or a month’s. Which one, and until when, is not said.",
      no_answer:
        "Nobody entered the code in time. Whether the prompt was seen is not said: the phone may be off, without network, or " +
        "the prompt never came. Where many phones have it at once, suspect the operator.",
      operator_down:
        "A technical reason: the operator or CamPay could not do its part. Which of the two, and for how long, is not said. " +
        "The customer did nothing wrong.",
      number_not_supported:
        "CamPay takes this number neither for MTN’s nor for Orange’s. It may be mistyped, or of another operator.",
      refused:
        "CamPay did not take the request, such as for its amount, or the shop refused the payment at its review. It says " +
        "nothing of the customer.",
      unknown: "This page does not know the word, and takes nothing from it. It may be technical or the customer’s.",
    },
  },
  fr: {
    about:
      "Le motif est le mot venu de l’opérateur par CamPay, ou celui de CamPay\u00a0; personne n’en publie la liste. Voici ce " +
      "qu’il voulait dire là où d’autres l’ont rencontré\u00a0:",
    noWord: "CamPay n’a donné aucun motif.",
    meanings: {
      declined:
        "Le paiement a été rejeté. Ce peut être le client, qui a annulé ou laissé passer la demande, ou le système de " +
        "l’opérateur. Le mot ne dit ni qui ni pourquoi\u00a0: si beaucoup de téléphones l’ont en même temps, pensez à l’opérateur.",
      not_enough_funds:
        "Trop peu d’argent sur le compte. MTN emploie le même mot quand un plafond est atteint ou que le compte ne peut pas " +
        "payer\u00a0: recharger ne suffit donc pas toujours. Combien il manque n’est pas dit.",
      wrong_pin:
        "Le code secret était faux, ou bloqué par des essais précédents. Lequel des deux n’est pas dit\u00a0; seul l’opérateur " +
        "débloque.",
      not_registered:
        "L’opérateur ne trouve pas de compte mobile money sur ce numéro. S’il a été mal tapé n’est pas dit.",
      limit_reached:
        "Un plafond du compte du client, du jour ou du mois par exemple. Lequel, et jusqu’à quand, n’est pas dit.",
      no_answer:
        "Personne n’a tapé le code à temps. Si la demande a été vue n’est pas dit\u00a0: téléphone éteint, sans réseau, ou " +
        "demande jamais arrivée. Si beaucoup de téléphones l’ont en même temps, pensez à l’opérateur.",
      operator_down:
        "Une raison technique\u00a0: l’opérateur ou CamPay n’a pas pu faire sa part. Lequel des deux, et pour combien de temps, " +
        "n’est pas dit. Le client n’y est pour rien.",
      number_not_supported:
        "CamPay ne prend ce numéro ni pour un MTN ni pour un Orange. Il est peut-être mal tapé, ou d’un autre opérateur.",
      refused:
        "CamPay n’a pas pris la demande, à cause du montant par exemple, ou la boutique a refusé le paiement après examen. " +
        "Cela ne dit rien du client.",
      unknown: "Cette page ne connaît pas le mot et n’en conclut rien\u00a0: technique, ou le client, on ne sait pas.",
    },
  },
};
