using Microsoft.AspNetCore.Http;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa;

/// <summary>Who may see the dashboard, who may act, and how much is shown.</summary>
public sealed class PampaDashboardOptions
{
    /// <summary>What stands at the top of each page. Default <c>Pampa</c>.</summary>
    public string Title { get; set; } = "Pampa";

    /// <summary>The cluster. Default null: the application's own.</summary>
    public PampaCluster? Cluster { get; set; }

    /// <summary>What is said of the database at the foot of the pages; must hold no password. Default none.</summary>
    public string? Database { get; set; }

    /// <summary>
    /// Decides over every request, pages and streams too: true lets it in. Set, it opens the dashboard to other computers; it goes beside
    /// what <c>RequireAuthorization</c> asks. Default null: requests from this computer alone, unless <c>RequireAuthorization</c> is called.
    /// </summary>
    public Func<HttpContext, ValueTask<bool>>? Authorize { get; set; }

    /// <summary>
    /// Who of those that are let in may act (pause, retry, cancel, …); others only look. Default null: all.
    /// </summary>
    public Func<HttpContext, bool>? IsOperator { get; set; }

    /// <summary>Nobody may act. Default false.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>
    /// The names by which browsers may call it, without port. A page of another site that has its own name point to this computer is
    /// refused by that. Default empty: <c>localhost</c>, <c>127.0.0.1</c> and <c>[::1]</c>, or any name where somebody must sign in.
    /// </summary>
    public ISet<string> AllowedHosts { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Whether the values of a column may be shown, by the names of job and column, and asked for in filters. Keys, states and error texts
    /// are always shown. Default null: none.
    /// </summary>
    public Func<string, string, bool>? ShowsColumn { get; set; }

    /// <summary>
    /// Takes secrets out of error texts before they are shown, and out of what the dashboard logs of its actions. Default: what follows
    /// <c>password=</c> and the like (names that end in password, secret, token or a kind of key, as in <c>PGPASSWORD</c> or
    /// <c>"accessToken":</c>), bearer tokens, and users and passwords in URLs.
    /// </summary>
    public Func<string, string> Redact { get; set; } = Secrets.Mask;

    /// <summary>How people sign in; only of a dashboard that is a program of its own.</summary>
    internal SignIn? SignIn { get; set; }
}
