using System.Diagnostics.CodeAnalysis;

namespace Pampa.Commands;

/// <summary>
/// The verbs that packages of Pampa's own bring. They are known by name only, for they know Pampa and not the other way round; a name that
/// is a constant is one that the compiler of native programs follows, too.
/// </summary>
internal static class PackageVerbs
{
    public static IEnumerable<PampaVerb> Find()
    {
        if (Make(Type.GetType("Pampa.Serving.DashboardVerb, Pampa.Dashboard")) is { } dashboard) yield return dashboard;
    }

    private static PampaVerb? Make([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] Type? type) =>
        type is null ? null : (PampaVerb?)Activator.CreateInstance(type);
}
